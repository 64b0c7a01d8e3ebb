/** In charge of what one sandbox is made of: the account it plays, how that is set up, and how it fails. */
import { type Account, openAccount } from './account.ts'
import { createDice, type FaultDice, type FaultsInput } from './faults.ts'
import { type Settings, type SettingsInput, settingsBody } from './settings.ts'

export type SandboxState = { account: Account; settings: Settings; dice: FaultDice }

export type SandboxOptions = { settings?: SettingsInput; faults?: FaultsInput }

export function createState(options: SandboxOptions): SandboxState {
  return {
    account: openAccount(),
    settings: settingsBody.parse(options.settings ?? {}),
    dice: createDice(options.faults),
  }
}
