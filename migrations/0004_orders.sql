-- Every update of a row, by REST or by plain SQL, sets a new time.
CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER set_updated_at BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION set_updated_at();
--> statement-breakpoint
CREATE TRIGGER set_updated_at BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION set_updated_at();
--> statement-breakpoint
CREATE TRIGGER set_updated_at BEFORE UPDATE ON order_updates FOR EACH ROW EXECUTE FUNCTION set_updated_at();
--> statement-breakpoint
-- What an item leaves out is copied from its product as it is now, so the order keeps what was sold whatever happens
-- to the product later.
CREATE FUNCTION order_items_copy_product() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  product products%ROWTYPE;
BEGIN
  SELECT * INTO product FROM products WHERE id = NEW.product_id;
  IF NEW.line IS NULL THEN
    NEW.line := (SELECT coalesce(max(line), 0) + 1 FROM order_items WHERE order_id = NEW.order_id);
  END IF;
  NEW.sku := coalesce(NEW.sku, product.sku);
  NEW.product_name := coalesce(NEW.product_name, product.title);
  NEW.item_price := coalesce(NEW.item_price, product.price);
  NEW.row_total := coalesce(NEW.row_total, round(NEW.quantity * NEW.item_price, 4));
  NEW.brand := coalesce(NEW.brand, product.brand);
  NEW.categories := coalesce(NEW.categories, product.categories);
  NEW.image_link := coalesce(NEW.image_link, product.image_link);
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER copy_product BEFORE INSERT ON order_items FOR EACH ROW EXECUTE FUNCTION order_items_copy_product();
--> statement-breakpoint
-- A customer's most recent store is that of the newest order or visit. An older one that arrives late changes nothing;
-- the lock on the customer's row decides between two at once.
CREATE FUNCTION customers_update_recent_store(customer_ids text[], store_ids text[], times timestamptz[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
BEGIN
  PERFORM FROM customers JOIN unnest(customer_ids) AS named(id) USING (id) ORDER BY customers.id FOR NO KEY UPDATE OF customers;
  UPDATE customers SET most_recent_store_id = latest.store_id, most_recent_store_at = latest.at
  FROM (
    SELECT DISTINCT ON (customer_id) customer_id, store_id, at
    FROM unnest(customer_ids, store_ids, times) AS presence(customer_id, store_id, at)
    WHERE customer_id IS NOT NULL AND store_id IS NOT NULL
    ORDER BY customer_id, at DESC
  ) AS latest
  WHERE customers.id = latest.customer_id
    AND (customers.most_recent_store_at IS NULL OR customers.most_recent_store_at < latest.at);
END $$;
--> statement-breakpoint
CREATE FUNCTION orders_update_recent_store() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM customers_update_recent_store(array_agg(customer_id), array_agg(store_id), array_agg(placed_at)) FROM new_rows;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER update_recent_store_insert AFTER INSERT ON orders REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION orders_update_recent_store();
--> statement-breakpoint
CREATE TRIGGER update_recent_store_update AFTER UPDATE ON orders REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION orders_update_recent_store();
