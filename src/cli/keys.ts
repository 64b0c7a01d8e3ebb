import { type Command, InvalidArgumentError, Option } from 'commander'
import { createKey, keyInput, listKeys, revokeKey, type Scope, scopes } from '../auth/api-keys.ts'
import type { Config } from '../config.ts'
import { withDatabase } from './open-database.ts'
import { print } from './terminal.ts'

export function keysCommand(program: Command, readConfig: () => Config): void {
  const keys = program.command('keys').description('Create, list and revoke API keys')

  keys
    .command('create')
    .description('Create a key and show it, only once')
    .argument('<name>', 'what the key is for, such as "Klaviyo"')
    .addOption(
      new Option('--scope <scope...>', 'what it may do').choices(scopes).default(['feeds']),
    )
    .addHelpText('after', '\nExample:\n  storefeed keys create Klaviyo --scope feeds')
    .action(async (name: string, { scope }: { scope: Scope[] }) => {
      const created = await withDatabase(readConfig(), (db) =>
        createKey(db, keyInput.parse({ name, scopes: scope })),
      )
      print(created.key)
    })
  keys
    .command('list')
    .description('List all keys, newest first')
    .action(async () => {
      for (const key of await withDatabase(readConfig(), listKeys)) {
        const state = key.revoked_at
          ? `revoked ${key.revoked_at}`
          : `last used ${key.last_used_at ?? 'never'}`
        print(`${key.id}\t${key.name}\t${key.scopes.join(',')}\t${state}`)
      }
    })
  keys
    .command('revoke')
    .description('Revoke a key')
    .argument('<id>', 'its number in the list', readId)
    .action(async (id: number) => {
      await withDatabase(readConfig(), (db) => revokeKey(db, id))
      print(`Key ${id} is revoked.`)
    })
}

function readId(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number, as in the list.')
}
