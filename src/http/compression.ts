import { compress } from 'hono/compress'
import { createMiddleware } from 'hono/factory'

const gzip = compress()

/** Leaves answers with an ETag alone: a compressed one would have to make it weak, and If-Match takes none of these. */
export const compressAnswers = createMiddleware(async (c, next) => {
  await next()
  if (!c.res.headers.has('ETag')) await gzip(c, async () => undefined)
})
