import { createRequire } from 'node:module'
import { z } from 'zod'

const require = createRequire(import.meta.url)

export const { version } = z.object({ version: z.string() }).parse(require('../../package.json'))
