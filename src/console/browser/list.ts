/** The list of products or stores: cells, blocks of cells, and the selection. */
import './console.ts'
import './grid.ts'
import './paste.ts'
import './select.ts'
import './bulk.ts'
