import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { fillGoldenCatalog } from './golden-catalog.ts'

let server: TestServer
let empty: Record<string, string>

beforeAll(async () => {
  server = await startTestServer()
  empty = {
    'products.json': await feed('products.json'),
    'products.xml': await feed('products.xml'),
    'stores.json': await feed('stores.json'),
    'stores.xml': await feed('stores.xml'),
  }
  await fillGoldenCatalog(server.database.db)
})
afterAll(() => server.stop())

const feed = async (file: string) => (await server.ask('GET', `/feeds/${file}`)).text

test('feeds of nothing are empty lists', () => {
  expect(empty).toEqual({
    'products.json': '[\n\n]\n',
    'products.xml': '<?xml version="1.0" encoding="UTF-8"?>\n<Products>\n\n</Products>\n',
    'stores.json': '[\n\n]\n',
    'stores.xml': '<?xml version="1.0" encoding="UTF-8"?>\n<Stores>\n\n</Stores>\n',
  })
})

test('the product feed as JSON', async () => {
  expect(await feed('products.json')).toBe(String.raw`[
{"$id":"p-in-store","$title":"In store only","$link":"n/a","$description":"n/a","price":12.35,"$image_link":"n/a","categories":["in-store-only"],"store_ids":"n/a","sku":"n/a","brand":"n/a","gtin":"n/a"},
{"$id":"p-blank","$title":"Blank","$link":"n/a","$description":"n/a","price":0,"$image_link":"n/a","categories":["n/a"],"store_ids":"n/a","sku":"n/a","brand":"n/a","gtin":"n/a","inventory_quantity":0,"inventory_policy":2,"gift":false,"note":"n/a"},
{"$id":"ü-odd","$title":"<b>\"Salt\" & 'pepper'</b> ]]>\r\nnext é 日本 🍲","$link":"n/a","$description":"<b>\"Salt\" & 'pepper'</b> ]]>\r\nnext é 日本 🍲","$image_link":"n/a","categories":["<b>\"Salt\" & 'pepper'</b> ]]>\r\nnext é 日本 🍲"],"store_ids":"1212","sku":"n/a","brand":"<b>\"Salt\" & 'pepper'</b> ]]>\r\nnext é 日本 🍲","gtin":"n/a","odd":"<b>\"Salt\" & 'pepper'</b> ]]>\r\nnext é 日本 🍲"},
{"$id":"p-in-store-too","$title":"In store only, and said so","$link":"n/a","$description":"n/a","price":0.1,"$image_link":"n/a","categories":["in-store-only","Sale"],"store_ids":"n/a","sku":"n/a","brand":"n/a","gtin":"n/a"},
{"$id":"1111","$title":"8 quart Dutch Oven","$link":"https://shop.example/products/1111?a=1&b=2","$description":"Cast iron,\nenamelled","price":330,"$image_link":"https://shop.example/products/1111.png","categories":["Kitchen Supplies","Cooking"],"store_ids":"1212,s bare,ß-odd","sku":"LC-8QT","brand":"Le Creuset","gtin":"4006381333931","inventory_quantity":25,"inventory_policy":1,"color":"red","stock":0,"weight":5.4,"oven_safe":true},
{"$id":"p bare","$title":"Bare","$link":"n/a","$description":"n/a","$image_link":"n/a","categories":["n/a"],"store_ids":"1212","sku":"n/a","brand":"n/a","gtin":"n/a"},
{"$id":"p-commas","$title":"Commas","$link":"n/a","$description":"n/a","price":9999999999.99,"$image_link":"n/a","categories":["Pots, Pans","a ,b","a b",",","Pots","back\\slash"],"store_ids":"1212","sku":"n/a","brand":"n/a","gtin":"n/a"}
]
`)
})

test('the product feed as XML, the same items under plain names', async () => {
  expect(await feed('products.xml')).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<Products>
<Product><id>p-in-store</id><title>In store only</title><link>n/a</link><description>n/a</description><price>12.35</price><image_link>n/a</image_link><categories>in-store-only</categories><store_ids>n/a</store_ids><sku>n/a</sku><brand>n/a</brand><gtin>n/a</gtin></Product>
<Product><id>p-blank</id><title>Blank</title><link>n/a</link><description>n/a</description><price>0</price><image_link>n/a</image_link><categories>n/a</categories><store_ids>n/a</store_ids><sku>n/a</sku><brand>n/a</brand><gtin>n/a</gtin><inventory_quantity>0</inventory_quantity><inventory_policy>2</inventory_policy><gift>false</gift><note>n/a</note></Product>
<Product><id>ü-odd</id><title>&lt;b&gt;"Salt" &amp; 'pepper'&lt;/b&gt; ]]&gt;&#13;
next é 日本 🍲</title><link>n/a</link><description>&lt;b&gt;"Salt" &amp; 'pepper'&lt;/b&gt; ]]&gt;&#13;
next é 日本 🍲</description><image_link>n/a</image_link><categories>&lt;b&gt;"Salt" &amp; 'pepper'&lt;/b&gt; ]]&gt;&#13;
next é 日本 🍲</categories><store_ids>1212</store_ids><sku>n/a</sku><brand>&lt;b&gt;"Salt" &amp; 'pepper'&lt;/b&gt; ]]&gt;&#13;
next é 日本 🍲</brand><gtin>n/a</gtin><odd>&lt;b&gt;"Salt" &amp; 'pepper'&lt;/b&gt; ]]&gt;&#13;
next é 日本 🍲</odd></Product>
<Product><id>p-in-store-too</id><title>In store only, and said so</title><link>n/a</link><description>n/a</description><price>0.1</price><image_link>n/a</image_link><categories>in-store-only,Sale</categories><store_ids>n/a</store_ids><sku>n/a</sku><brand>n/a</brand><gtin>n/a</gtin></Product>
<Product><id>1111</id><title>8 quart Dutch Oven</title><link>https://shop.example/products/1111?a=1&amp;b=2</link><description>Cast iron,
enamelled</description><price>330</price><image_link>https://shop.example/products/1111.png</image_link><categories>Kitchen Supplies,Cooking</categories><store_ids>1212,s bare,ß-odd</store_ids><sku>LC-8QT</sku><brand>Le Creuset</brand><gtin>4006381333931</gtin><inventory_quantity>25</inventory_quantity><inventory_policy>1</inventory_policy><color>red</color><stock>0</stock><weight>5.4</weight><oven_safe>true</oven_safe></Product>
<Product><id>p bare</id><title>Bare</title><link>n/a</link><description>n/a</description><image_link>n/a</image_link><categories>n/a</categories><store_ids>1212</store_ids><sku>n/a</sku><brand>n/a</brand><gtin>n/a</gtin></Product>
<Product><id>p-commas</id><title>Commas</title><link>n/a</link><description>n/a</description><price>9999999999.99</price><image_link>n/a</image_link><categories>Pots Pans,a b,Pots,back\\slash</categories><store_ids>1212</store_ids><sku>n/a</sku><brand>n/a</brand><gtin>n/a</gtin></Product>
</Products>
`)
})

test('the store feed as JSON', async () => {
  expect(await feed('stores.json')).toBe(String.raw`[
{"$id":"s-blank","$title":"Blank","$link":"n/a","$description":"n/a","$image_link":"n/a","categories":["store-location"],"product_ids":"n/a","location":"n/a","address1":"n/a","address2":"n/a","city":"n/a","region":"n/a","zip":"n/a","country":"n/a","phone":"n/a","latitude":0,"longitude":0,"note":"n/a"},
{"$id":"ß-odd","$title":"<b>\"Salt\" & 'pepper'</b> ]]>\r\nnext é 日本 🍲","$link":"n/a","$description":"n/a","$image_link":"n/a","categories":["store-location","Outlet"],"product_ids":"1111","location":"<b>\"Salt\" & 'pepper'</b> ]]>\r\nnext é 日本 🍲","address1":"n/a","address2":"n/a","city":"n/a","region":"n/a","zip":"n/a","country":"n/a","phone":"n/a","odd":"<b>\"Salt\" & 'pepper'</b> ]]>\r\nnext é 日本 🍲"},
{"$id":"1212","$title":"Boston Back Bay","$link":"https://shop.example/stores/1212?a=1&b=2","$description":"Our first shop","$image_link":"https://shop.example/stores/1212.jpg","categories":["Kitchen Supplies","Classes, evenings","store-location"],"product_ids":"1111,p bare,p-commas,ü-odd","location":"Boston","address1":"123 Newbury Street","address2":"Suite 1","city":"Boston","region":"MA","zip":"02116","country":"United States","phone":"+16175550100","latitude":42.3505,"longitude":-71.0763,"floors":2,"manager":"Zoë","parking":true},
{"$id":"s bare","$title":"Bare","$link":"n/a","$description":"n/a","$image_link":"n/a","categories":["store-location"],"product_ids":"1111","location":"n/a","address1":"n/a","address2":"n/a","city":"n/a","region":"n/a","zip":"n/a","country":"n/a","phone":"n/a"}
]
`)
})

test('the store feed as XML, the same items under plain names', async () => {
  expect(await feed('stores.xml')).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<Stores>
<Store><id>s-blank</id><title>Blank</title><link>n/a</link><description>n/a</description><image_link>n/a</image_link><categories>store-location</categories><product_ids>n/a</product_ids><location>n/a</location><address1>n/a</address1><address2>n/a</address2><city>n/a</city><region>n/a</region><zip>n/a</zip><country>n/a</country><phone>n/a</phone><latitude>0</latitude><longitude>0</longitude><note>n/a</note></Store>
<Store><id>ß-odd</id><title>&lt;b&gt;"Salt" &amp; 'pepper'&lt;/b&gt; ]]&gt;&#13;
next é 日本 🍲</title><link>n/a</link><description>n/a</description><image_link>n/a</image_link><categories>store-location,Outlet</categories><product_ids>1111</product_ids><location>&lt;b&gt;"Salt" &amp; 'pepper'&lt;/b&gt; ]]&gt;&#13;
next é 日本 🍲</location><address1>n/a</address1><address2>n/a</address2><city>n/a</city><region>n/a</region><zip>n/a</zip><country>n/a</country><phone>n/a</phone><odd>&lt;b&gt;"Salt" &amp; 'pepper'&lt;/b&gt; ]]&gt;&#13;
next é 日本 🍲</odd></Store>
<Store><id>1212</id><title>Boston Back Bay</title><link>https://shop.example/stores/1212?a=1&amp;b=2</link><description>Our first shop</description><image_link>https://shop.example/stores/1212.jpg</image_link><categories>Kitchen Supplies,Classes evenings,store-location</categories><product_ids>1111,p bare,p-commas,ü-odd</product_ids><location>Boston</location><address1>123 Newbury Street</address1><address2>Suite 1</address2><city>Boston</city><region>MA</region><zip>02116</zip><country>United States</country><phone>+16175550100</phone><latitude>42.3505</latitude><longitude>-71.0763</longitude><floors>2</floors><manager>Zoë</manager><parking>true</parking></Store>
<Store><id>s bare</id><title>Bare</title><link>n/a</link><description>n/a</description><image_link>n/a</image_link><categories>store-location</categories><product_ids>1111</product_ids><location>n/a</location><address1>n/a</address1><address2>n/a</address2><city>n/a</city><region>n/a</region><zip>n/a</zip><country>n/a</country><phone>n/a</phone></Store>
</Stores>
`)
})
