/** The peer of a 304: node:http that answers it without any logic, in a process of its own. */
import { freePort } from '../support/loopback.ts'
import { type RunningProcess, startProcess } from './processes.ts'

const program = `require('node:http')
  .createServer((_, response) => response.writeHead(304, { ETag: '"x"' }).end())
  .listen(process.env.PORT, '127.0.0.1')`

export async function startPlain304(): Promise<RunningProcess & { url: string }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  const process = await startProcess('node', ['-e', program], { PORT: String(port) }, url)
  return { ...process, url }
}
