CREATE TABLE "order_amendments" (
	"order_id" text collate "C" NOT NULL,
	"number" integer NOT NULL,
	"occurred_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"before" jsonb NOT NULL,
	"after" jsonb,
	CONSTRAINT "order_amendments_order_id_number_pk" PRIMARY KEY("order_id","number")
);
--> statement-breakpoint
CREATE TABLE "outbox_amended_orders" (
	"order_id" text collate "C" NOT NULL
);
--> statement-breakpoint
ALTER TABLE "order_items" DROP CONSTRAINT "order_items_quantity_positive";--> statement-breakpoint
ALTER TABLE "order_items" DROP CONSTRAINT "order_items_money_not_negative";--> statement-breakpoint
ALTER TABLE "orders" DROP CONSTRAINT "orders_total_not_negative";--> statement-breakpoint
ALTER TABLE "outbox" DROP CONSTRAINT "outbox_metric_known";--> statement-breakpoint
ALTER TABLE "order_items" ALTER COLUMN "product_id" DROP NOT NULL;--> statement-breakpoint
-- A new column in place of a new type: the table, which may be large, is not rewritten.
ALTER TABLE "outbox" RENAME COLUMN "warnings" TO "old_warnings";--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "warnings" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
UPDATE "outbox" SET "warnings" = (
  SELECT jsonb_agg(jsonb_build_object('code', 'other', 'field', '', 'detail', detail)) FROM unnest("old_warnings") AS detail
) WHERE "old_warnings" <> '{}';--> statement-breakpoint
ALTER TABLE "outbox" DROP COLUMN "old_warnings";--> statement-breakpoint
ALTER TABLE "order_items" ADD COLUMN "returned_order_id" text collate "C";--> statement-breakpoint
ALTER TABLE "order_updates" ADD COLUMN "excess" numeric(14, 4);--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "amendment" integer;--> statement-breakpoint
ALTER TABLE "order_items" ADD CONSTRAINT "order_items_returned_order_id_valid" CHECK (char_length("order_items"."returned_order_id") between 1 and 255 and "order_items"."returned_order_id" !~ '[\u0001-\u001f\u007f-\u009f\ufffe\uffff,]|^[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]|[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]$');--> statement-breakpoint
ALTER TABLE "order_items" ADD CONSTRAINT "order_items_quantity_not_zero" CHECK ("order_items"."quantity" <> 0 and "order_items"."quantity" > '-infinity' and "order_items"."quantity" < 'infinity');--> statement-breakpoint
ALTER TABLE "order_items" ADD CONSTRAINT "order_items_item_price_not_negative" CHECK ("order_items"."item_price" >= 0 and "order_items"."item_price" < 'infinity');--> statement-breakpoint
ALTER TABLE "order_items" ADD CONSTRAINT "order_items_row_total_has_sign_of_quantity" CHECK ("order_items"."row_total" * sign("order_items"."quantity") >= 0 and "order_items"."row_total" > '-infinity' and "order_items"."row_total" < 'infinity');--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_total_finite" CHECK ("orders"."total" > '-infinity' and "orders"."total" < 'infinity');--> statement-breakpoint
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_metric_known" CHECK ("outbox"."metric" in ('placed_order', 'ordered_product', 'fulfilled_order', 'cancelled_order', 'refunded_order', 'returned_order', 'adjusted_order', 'profile'));--> statement-breakpoint
-- A returned line has a negative quantity, so its row total is negative too, however it was written.
CREATE OR REPLACE FUNCTION order_items_copy_product() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  product products%ROWTYPE;
BEGIN
  SELECT * INTO product FROM products WHERE id = NEW.product_id;
  IF NEW.line IS NULL THEN
    NEW.line := (SELECT coalesce(max(line), 0) + 1 FROM order_items WHERE order_id = NEW.order_id);
  END IF;
  NEW.sku := coalesce(NEW.sku, product.sku);
  NEW.product_name := coalesce(NEW.product_name, product.title);
  NEW.item_price := coalesce(NEW.item_price, product.price);
  NEW.row_total := coalesce(NEW.row_total, round(NEW.quantity * NEW.item_price, 4));
  IF NEW.quantity < 0 THEN
    NEW.row_total := -abs(NEW.row_total);
  END IF;
  NEW.brand := coalesce(NEW.brand, product.brand);
  NEW.categories := coalesce(NEW.categories, product.categories);
  NEW.image_link := coalesce(NEW.image_link, product.image_link);
  RETURN NEW;
END $$;
--> statement-breakpoint
-- As Klaviyo gets amounts. A value that is shared out has no more decimals, so that what is sent never sums past the order.
CREATE FUNCTION currency_decimals(currency text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN currency IN ('AFN', 'ALL', 'BIF', 'CLP', 'COP', 'DJF', 'GNF', 'HUF', 'IDR', 'IQD', 'IRR', 'ISK', 'JPY', 'KMF', 'KPW', 'KRW',
      'LAK', 'LBP', 'MGA', 'MMK', 'PKR', 'PYG', 'RWF', 'SLL', 'SOS', 'SYP', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF', 'YER') THEN 0
    WHEN currency IN ('BHD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
    WHEN currency IN ('CLF', 'UYW') THEN 4
    ELSE 2
  END
$$;
--> statement-breakpoint
-- What an update of these lines, or of the whole order where `of_items` is null, is worth without a value of its own, and the
-- most that it may be worth; of its kind, beside all other updates than `except_id`. The caller holds the order's lock.
-- A line's share of an earlier update's value is proportional. What an order costs beside its lines (tax, shipping) may
-- be part of any update's own value. Lines that the table's CHECK will refuse do not count.
CREATE FUNCTION order_update_left(of_order text, of_kind text, of_items jsonb, except_id text)
RETURNS TABLE (worth numeric, most numeric) LANGUAGE sql AS $$
  WITH the_order AS (
    SELECT greatest(total, 0) AS total, currency_decimals(currency) AS decimals FROM orders WHERE id = of_order
  ), lines AS (
    SELECT line, quantity, row_total FROM order_items WHERE order_id = of_order AND quantity > 0
  ), earlier AS (
    SELECT id, value, items FROM order_updates
    WHERE order_id = of_order AND kind = of_kind AND id <> except_id AND value IS NOT NULL
  ), of_order_left AS (
    SELECT greatest(the_order.total - coalesce((SELECT sum(value) FROM earlier), 0), 0) AS value FROM the_order
  ), shares AS (
    SELECT id, value, line, n.quantity, row_total * n.quantity / lines.quantity AS share
    FROM earlier
    CROSS JOIN LATERAL (
      SELECT line, sum(quantity) AS quantity
      FROM jsonb_to_recordset(
        CASE WHEN jsonb_typeof(items) = 'array' THEN jsonb_path_query_array(items, 'strict $[*] ? (@.line.type() == "number" && @.quantity.type() == "number")') END
      ) AS named(line numeric, quantity numeric)
      GROUP BY line
    ) AS n
    JOIN lines USING (line)
  ), taken AS (
    SELECT line, sum(quantity) AS quantity, sum(CASE WHEN of_all > 0 THEN value * share / of_all ELSE 0 END) AS value
    FROM (SELECT *, sum(share) OVER (PARTITION BY id) AS of_all FROM shares) AS weighed GROUP BY line
  ), lines_left AS (
    SELECT line, lines.quantity AS ordered, row_total,
      lines.quantity - coalesce(taken.quantity, 0) AS quantity,
      greatest(row_total - coalesce(taken.value, 0), 0) AS value
    FROM lines LEFT JOIN taken USING (line)
  ), named AS (
    SELECT line, sum(quantity) AS quantity
    FROM jsonb_to_recordset(
        CASE WHEN jsonb_typeof(of_items) = 'array' THEN jsonb_path_query_array(of_items, 'strict $[*] ? (@.line.type() == "number" && @.quantity.type() == "number")') END
      ) AS named(line numeric, quantity numeric)
    GROUP BY line
  ), of_lines AS (
    SELECT
      sum(CASE
        WHEN named.quantity >= lines_left.quantity THEN lines_left.value
        ELSE least(round(row_total * named.quantity / ordered, decimals), lines_left.value)
      END) AS worth,
      sum(lines_left.value) AS value
    FROM named JOIN lines_left USING (line) CROSS JOIN the_order
  ), beside AS (
    SELECT CASE WHEN count(*) = count(row_total) THEN greatest(max(total) - coalesce(sum(row_total), 0), 0) END AS value
    FROM the_order LEFT JOIN lines ON true
  )
  SELECT
    CASE WHEN of_items IS NULL THEN of_order_left.value
      WHEN of_lines.worth IS NOT NULL THEN least(round(of_lines.worth, decimals), of_order_left.value) END,
    CASE WHEN of_items IS NULL THEN of_order_left.value ELSE least(of_lines.value + beside.value, of_order_left.value) END
  FROM the_order, of_order_left, of_lines, beside
$$;
--> statement-breakpoint
-- Decided once, when the update is written: what comes later never changes what Klaviyo was told.
CREATE FUNCTION order_updates_set_value() RETURNS trigger
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  bounds record;
BEGIN
  PERFORM FROM orders WHERE id = NEW.order_id FOR NO KEY UPDATE;
  SELECT * INTO bounds FROM order_update_left(NEW.order_id, NEW.kind, NEW.items, NEW.id);
  NEW.value := coalesce(NEW.value, bounds.worth);
  NEW.excess := nullif(greatest(NEW.value - bounds.most, 0), 0);
  RETURN NEW;
END $$;
--> statement-breakpoint
-- What was sent had these values.
UPDATE order_updates u SET value = coalesce(
  (
    SELECT sum(round(i.row_total * coalesce(n.quantity, 0) / i.quantity, 4)) FROM order_items i
    LEFT JOIN jsonb_to_recordset(u.items) AS n(line numeric, quantity numeric) ON n.line = i.line
    WHERE i.order_id = u.order_id AND u.items IS NOT NULL
  ),
  (SELECT total FROM orders WHERE id = u.order_id)
)
WHERE value IS NULL AND EXISTS (
  SELECT FROM outbox o WHERE o.order_id = u.order_id AND o.metric = u.kind || '_order' AND o.ref = u.id AND o.status = 'sent'
);
--> statement-breakpoint
CREATE TRIGGER set_value BEFORE INSERT OR UPDATE OF value, items ON order_updates
FOR EACH ROW EXECUTE FUNCTION order_updates_set_value();
--> statement-breakpoint
-- One by one, in the order in which they came: each counts those before it.
DO $$
DECLARE
  unsent record;
BEGIN
  FOR unsent IN SELECT order_id, kind, id FROM order_updates WHERE value IS NULL ORDER BY created_at, occurred_at, id LOOP
    UPDATE order_updates SET value = NULL WHERE order_id = unsent.order_id AND kind = unsent.kind AND id = unsent.id;
  END LOOP;
END $$;
--> statement-breakpoint
-- What an amendment compares. Null when there is no such order.
CREATE FUNCTION order_content(of_order text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object(
    'store_id', store_id, 'total', total, 'discount_value', discount_value,
    'items', (SELECT coalesce(jsonb_agg(to_jsonb(i) - 'order_id' ORDER BY line), '[]') FROM order_items i WHERE order_id = of_order)
  ) FROM orders WHERE id = of_order
$$;
--> statement-breakpoint
-- Before the first change that a transaction makes to an order that an earlier one recorded: keeps what it was. A row
-- without `after` is always of the own transaction, as it is completed when that ends.
CREATE FUNCTION orders_begin_amendment(changed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM outbox WHERE order_id = changed AND created_at < now()::timestamptz(3)) THEN
    RETURN;
  END IF;
  PERFORM FROM orders WHERE id = changed AND erased_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND OR EXISTS (SELECT FROM order_amendments WHERE order_id = changed AND after IS NULL) THEN
    RETURN;
  END IF;
  INSERT INTO order_amendments (order_id, number, before)
  SELECT changed, coalesce(max(number), 0) + 1, order_content(changed) FROM order_amendments WHERE order_id = changed;
END $$;
--> statement-breakpoint
CREATE FUNCTION orders_amend() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM orders_begin_amendment(OLD.id);
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER amend BEFORE UPDATE ON orders FOR EACH ROW
WHEN ((OLD.store_id, OLD.total, OLD.discount_value) IS DISTINCT FROM (NEW.store_id, NEW.total, NEW.discount_value))
EXECUTE FUNCTION orders_amend();
--> statement-breakpoint
-- A point of sale may replace an order by deleting and inserting it.
CREATE TRIGGER amend_delete BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION orders_amend();
--> statement-breakpoint
-- In place of a foreign key, which would keep orders from being truncated.
CREATE FUNCTION order_amendments_follow_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE order_amendments SET order_id = NEW.id WHERE order_id = OLD.id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER amendments_follow_id AFTER UPDATE OF id ON orders FOR EACH ROW WHEN (OLD.id <> NEW.id)
EXECUTE FUNCTION order_amendments_follow_id();
--> statement-breakpoint
CREATE FUNCTION order_amendments_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM order_amendments;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER amendments_truncate AFTER TRUNCATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION order_amendments_truncate();
--> statement-breakpoint
CREATE FUNCTION order_items_amend() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM orders_begin_amendment(OLD.order_id);
    RETURN OLD;
  END IF;
  PERFORM orders_begin_amendment(NEW.order_id);
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER amend BEFORE INSERT OR DELETE ON order_items FOR EACH ROW EXECUTE FUNCTION order_items_amend();
--> statement-breakpoint
-- By columns, so that a new id of the order is no change.
CREATE TRIGGER amend_update BEFORE UPDATE OF line, product_id, sku, product_name, quantity, item_price, row_total,
  returned_order_id, brand, categories, image_link ON order_items FOR EACH ROW
WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION order_items_amend();
--> statement-breakpoint
CREATE FUNCTION order_amendments_complete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  content jsonb := order_content(NEW.order_id);
BEGIN
  IF content IS NULL THEN
    DELETE FROM order_amendments WHERE order_id = NEW.order_id;
    RETURN NULL;
  END IF;
  IF content = NEW.before THEN
    DELETE FROM order_amendments WHERE order_id = NEW.order_id AND number = NEW.number;
    RETURN NULL;
  END IF;
  UPDATE order_amendments SET after = content WHERE order_id = NEW.order_id AND number = NEW.number;
  -- First this, then the messages: a sender may settle the first event between the two.
  INSERT INTO outbox_amended_orders (order_id) SELECT NEW.order_id WHERE outbox_awaits_first_event(NEW.order_id);
  PERFORM outbox_enqueue_missing(ARRAY[NEW.order_id]);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER order_amendments_complete AFTER INSERT ON order_amendments DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION order_amendments_complete();
--> statement-breakpoint
CREATE FUNCTION outbox_awaits_first_event(of_order text) RETURNS boolean LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT FROM outbox WHERE order_id = of_order AND metric IN ('placed_order', 'returned_order') AND status = 'pending'
  )
$$;
--> statement-breakpoint
-- Gives each of these orders, of its items, returns, updates and amendments the message it lacks, and returns how many.
-- The lock on the order's row serializes callers: message ids follow the order's history, and nothing is written twice.
-- The first message of its kind takes the plain id, by which Klaviyo ties refunds to orders; later ones append their own
-- (a line, the id of an update). An own id may equal the plain id of another message, as with the SKUs S, S and S_2: then
-- a digest of the order's id is appended.
-- An order whose customer was erased gets none. An order of returned lines only was not placed: what was enqueued before its
-- lines were written, in the same transaction, is removed. An amendment gets one if the order's first event was sent without it.
-- Planned at each call: a plan from when the tables were empty would later read all of them.
CREATE OR REPLACE FUNCTION outbox_enqueue_missing(order_ids text[], history boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  history_before timestamptz := now() - (SELECT backfill_after FROM outbox_settings);
  enqueued bigint;
BEGIN
  order_ids := ARRAY(
    SELECT id FROM orders JOIN unnest(order_ids) AS named(id) USING (id)
    WHERE orders.erased_at IS NULL ORDER BY id FOR NO KEY UPDATE OF orders
  );
  DELETE FROM outbox o WHERE order_id = ANY (order_ids) AND metric = 'placed_order' AND status = 'pending'
    AND created_at >= now()::timestamptz(3)
    AND EXISTS (SELECT FROM order_items i WHERE i.order_id = o.order_id)
    AND NOT EXISTS (SELECT FROM order_items i WHERE i.order_id = o.order_id AND quantity > 0);
  WITH wanted AS (
    SELECT message.* FROM unnest(order_ids) AS named(id) CROSS JOIN LATERAL (
      SELECT id AS order_id, 'placed_order' AS metric, '' AS ref, id AS plain, placed_at AS occurred_at, 0 AS position
      FROM orders WHERE orders.id = named.id AND (
        EXISTS (SELECT FROM order_items i WHERE i.order_id = named.id AND quantity > 0)
        OR NOT EXISTS (SELECT FROM order_items i WHERE i.order_id = named.id)
      )
      UNION ALL
      SELECT i.order_id, 'ordered_product', i.line::text,
        i.order_id || '_' || coalesce(nullif(i.sku, ''), i.product_id, i.line::text), o.placed_at, i.line
      FROM order_items i JOIN orders o ON o.id = i.order_id WHERE i.order_id = named.id AND i.quantity > 0
      UNION ALL
      SELECT i.order_id, 'returned_order', coalesce(i.returned_order_id, ''), i.order_id || coalesce('_' || i.returned_order_id, ''),
        o.placed_at, 2147483646
      FROM order_items i JOIN orders o ON o.id = i.order_id WHERE i.order_id = named.id AND i.quantity < 0
      GROUP BY i.order_id, i.returned_order_id, o.placed_at
      UNION ALL
      SELECT order_id, kind || '_order', u.id, order_id, occurred_at, 2147483647
      FROM order_updates u WHERE order_id = named.id
      UNION ALL
      SELECT a.order_id, 'adjusted_order', a.number::text, a.order_id || '_' || a.number, a.occurred_at, 2147483647
      FROM order_amendments a WHERE a.order_id = named.id AND a.after IS NOT NULL AND EXISTS (
        SELECT FROM outbox first_event
        WHERE first_event.order_id = a.order_id AND metric IN ('placed_order', 'returned_order')
          AND status = 'sent' AND coalesce(amendment, 0) < a.number
      )
    ) AS message
  ), missing AS (
    SELECT wanted.*, outbox_truncate_id(plain) AS plain_id, outbox_truncate_id(plain || '_' || ref) AS own_id,
      row_number() OVER (PARTITION BY metric, plain ORDER BY order_id, occurred_at, position, ref) AS nth
    FROM wanted
    WHERE NOT EXISTS (
      SELECT FROM outbox o WHERE o.order_id = wanted.order_id AND o.metric = wanted.metric AND o.ref = wanted.ref
    )
  ), chosen AS (
    SELECT missing.*, takes_plain OR own_taken.id IS NULL AS is_free,
      CASE WHEN takes_plain THEN plain_id ELSE own_id END AS chosen_id
    FROM missing
    LEFT JOIN outbox plain_taken ON plain_taken.unique_id = plain_id AND plain_taken.metric = missing.metric
    LEFT JOIN outbox own_taken ON own_taken.unique_id = own_id AND own_taken.metric = missing.metric
    CROSS JOIN LATERAL (SELECT nth = 1 AND plain_taken.id IS NULL AS takes_plain) AS choice
  )
  INSERT INTO outbox (order_id, metric, ref, unique_id, occurred_at, backfill)
  SELECT order_id, metric, ref,
    CASE
      WHEN is_free AND 1 = row_number() OVER (
        PARTITION BY metric, chosen_id ORDER BY chosen_id <> plain_id, order_id, occurred_at, position, ref
      ) THEN chosen_id
      ELSE outbox_truncate_id(own_id || '_' || md5(order_id))
    END,
    occurred_at,
    history OR occurred_at < history_before
  FROM chosen
  ORDER BY order_id, metric <> 'placed_order', position, occurred_at, ref;
  GET DIAGNOSTICS enqueued = ROW_COUNT;
  RETURN enqueued;
END $$;
--> statement-breakpoint
-- For the sender: messages of amendments whose order's first event was settled since. An order that is being written waits
-- for its turn, as its writer may take long.
CREATE FUNCTION outbox_enqueue_amended() RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  settled text[];
BEGIN
  IF NOT EXISTS (SELECT FROM outbox_amended_orders) THEN
    RETURN;
  END IF;
  settled := ARRAY(
    SELECT id FROM orders WHERE id IN (SELECT order_id FROM outbox_amended_orders) AND NOT outbox_awaits_first_event(id)
    ORDER BY id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
  );
  DELETE FROM outbox_amended_orders a
  WHERE order_id = ANY (settled) OR NOT EXISTS (SELECT FROM orders WHERE id = a.order_id);
  PERFORM outbox_enqueue_missing(settled);
END $$;
--> statement-breakpoint
-- Updates may have been written before the lines that they name.
CREATE OR REPLACE FUNCTION order_rows_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE order_updates SET value = NULL WHERE order_id IN (SELECT order_id FROM new_rows) AND value IS NULL;
  PERFORM outbox_enqueue_missing(ARRAY(SELECT DISTINCT order_id FROM new_rows));
  RETURN NULL;
END $$;
--> statement-breakpoint
-- Erases a customer in the caller's transaction; false when there is no such customer. Their orders stay as sales: what
-- was sold, where, when and for how much. Free text and what identifies the customer is removed, and no message is
-- written for these orders again. Sent messages stay without their content, so that it is still known that they were
-- sent; all others are deleted, also those of an id that was merged into this or another customer while they were sent.
-- What may run at the same time, each before or after it as a whole:
--  - a writer of the customer, an order or a visit of theirs: REST locks the customer's row first, plain SQL by its
--    foreign key. A later one finds no customer and makes a new one;
--  - an update of an order, or a backfill: both lock the order's row first;
--  - a sender, which holds the messages it has claimed: this waits for it, then empties what it sent;
--  - a sender that takes requeue requests: this waits for the request before it reads messages.
-- All lock customers, orders, requests and messages in this order, and each of them by id, so there is no deadlock.
CREATE OR REPLACE FUNCTION customers_erase(erased text) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  their_orders text[];
  messages bigint[];
BEGIN
  PERFORM FROM customers WHERE id = erased FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  their_orders := ARRAY(SELECT id FROM orders WHERE customer_id = erased ORDER BY id FOR NO KEY UPDATE);
  UPDATE order_updates SET reason = NULL, tracking_number = NULL, digest = NULL WHERE order_id = ANY (their_orders);
  UPDATE orders SET customer_id = NULL, billing_address = NULL, shipping_address = NULL, discount_code = NULL,
    metadata = '{}', digest = NULL, erased_at = now()
  WHERE id = ANY (their_orders);
  DELETE FROM outbox_requeues WHERE customer_id = erased;
  messages := ARRAY(
    SELECT id FROM outbox WHERE id IN (
      SELECT id FROM outbox WHERE order_id = ANY (their_orders)
      UNION ALL
      SELECT id FROM outbox WHERE customer_id = erased
      UNION ALL
      SELECT id FROM outbox m WHERE customer_id IS NOT NULL AND NOT EXISTS (SELECT FROM customers WHERE id = m.customer_id)
    ) ORDER BY id FOR UPDATE
  );
  DELETE FROM outbox WHERE id = ANY (messages) AND (customer_id IS NOT NULL OR status <> 'sent');
  UPDATE outbox SET payload = NULL, error = NULL, warnings = '[]' WHERE id = ANY (messages);
  DELETE FROM customers WHERE id = erased;
  RETURN true;
END $$;
