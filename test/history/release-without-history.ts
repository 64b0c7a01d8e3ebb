/** Preloaded into a process, makes it a release that knows no history: its transactions name no change. */
import pg from 'pg'

pg.escapeLiteral = () => "''"
