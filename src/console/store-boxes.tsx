import { byRegion, type StoreOption } from './records.ts'

type StoreBoxesProps = { stores: StoreOption[]; isTicked: (store: StoreOption) => boolean }

/** A box for each store, and one for each region that ticks its stores. */
export function StoreBoxes({ stores, isTicked }: StoreBoxesProps) {
  return (
    <div class="stores">
      {byRegion(stores).map(([region, group]) => (
        <div>
          <label>
            <input type="checkbox" data-all />
            {region}
          </label>
          {group.map((store) => (
            <label title={store.title}>
              <input type="checkbox" name="sold_in" value={store.id} checked={isTicked(store)} />
              {store.location ?? store.title}
            </label>
          ))}
        </div>
      ))}
    </div>
  )
}
