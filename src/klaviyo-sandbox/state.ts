/** In charge of what one sandbox is made of: the account it plays, how that is set up, and how it fails. */
import { type Account, openAccount } from './account/account.ts'
import {
  createFaultInjector,
  type FaultInjector,
  type FaultsInput,
} from './faults/fault-injector.ts'
import { type Settings, type SettingsInput, settingsBody } from './settings.ts'

export type SandboxState = { account: Account; settings: Settings; dice: FaultInjector }

export type SandboxOptions = { settings?: SettingsInput; faults?: FaultsInput }

export function createState(options: SandboxOptions): SandboxState {
  return {
    account: openAccount(),
    settings: settingsBody.parse(options.settings ?? {}),
    dice: createFaultInjector(options.faults),
  }
}
