/** In charge of where `npm run migrations` reads the tables and writes what changed in them. */
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/db/schema/*.ts',
  out: './migrations',
})
