/** The peer that costs the least there is: nginx, which serves a file that was compressed beforehand. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../support/loopback.ts'
import { type RunningProcess, startProcess } from './processes.ts'

/** As Debian has it, one worker a core, without an access log; `gzipped` is served as feed.json. */
export async function startNginx(
  nginx: string,
  folder: string,
  text: Buffer,
  gzipped: Buffer,
): Promise<RunningProcess & { url: string }> {
  const port = await freePort()
  await mkdir(join(folder, 'root'), { recursive: true })
  await writeFile(join(folder, 'root/feed.json'), text)
  await writeFile(join(folder, 'root/feed.json.gz'), gzipped)
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, port))
  const url = `http://127.0.0.1:${port}/feed.json`
  const process = await startProcess(
    nginx,
    ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')],
    {},
    url,
  )
  return { ...process, url }
}

const configuration = (folder: string, port: number) => `
daemon off;
user root;
worker_processes auto;
pid ${folder}/nginx.pid;
events { worker_connections 768; }
http {
  sendfile on;
  tcp_nopush on;
  access_log off;
  types { application/json json; }
  keepalive_requests 1000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; root ${folder}/root; location / { gzip_static on; } }
}
`
