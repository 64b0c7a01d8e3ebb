import { type Command, InvalidArgumentError } from 'commander'
import { startSandbox } from '../klaviyo-sandbox/listen.ts'
import { print, waitForShutdownSignal } from './terminal.ts'

type Options = { port: number; host: string; limits: boolean }

export function sandboxCommand(program: Command): void {
  program
    .command('sandbox')
    .description(
      'Start a local Klaviyo sandbox that records what it receives and shows it on a page',
    )
    .option('--port <port>', 'port to listen on', readPort, 3001)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--no-limits', 'do not apply Klaviyo’s rate limits')
    .addHelpText('after', '\nThen start the server with KLAVIYO_URL set to its address.')
    .action(async ({ port, host, limits }: Options) => {
      const sandbox = await startSandbox({ port, host, settings: { limits } })
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
