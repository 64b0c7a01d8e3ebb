import { type Command, InvalidArgumentError } from 'commander'
import { startSandbox } from '../klaviyo-sandbox/listen.ts'
import { print, waitForShutdownSignal } from './terminal.ts'

type Options = { port: number; host: string; limits: boolean; console?: string }

export function sandboxCommand(program: Command): void {
  program
    .command('sandbox')
    .description(
      'Start a local Klaviyo sandbox that records what it receives and shows it on a page',
    )
    .option('--port <port>', 'port to listen on', readPort, 3001)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--no-limits', 'do not apply Klaviyo’s rate limits')
    .option('--console <url>', 'address of storefeed: its messages are linked', readUrl)
    .addHelpText('after', '\nThen start the server with KLAVIYO_URL set to its address.')
    .action(async ({ port, host, limits, console }: Options) => {
      const settings = { limits, console_url: console ?? null }
      const sandbox = await startSandbox({ port, host, settings })
      print(`The sandbox listens at ${sandbox.url}`)
      await waitForShutdownSignal()
      await sandbox.stop()
    })
}

function readPort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new InvalidArgumentError('It must be a port number.')
}

function readUrl(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text
  throw new InvalidArgumentError('It must be an address such as http://localhost:3000.')
}
