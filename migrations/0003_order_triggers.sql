-- Whoever edits a row, it gets a new time.
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
--> statement-breakpoint
CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
--> statement-breakpoint
CREATE TRIGGER touch BEFORE UPDATE ON order_updates FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
--> statement-breakpoint
-- What an item does not say is taken from its product as it is now: the order tells what was sold,
-- whatever becomes of the product later.
CREATE FUNCTION order_items_complete() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER complete BEFORE INSERT ON order_items FOR EACH ROW EXECUTE FUNCTION order_items_complete();
--> statement-breakpoint
INSERT INTO outbox_settings DEFAULT VALUES;
--> statement-breakpoint
INSERT INTO outbox_queues (queue) VALUES ('events'), ('profiles');
--> statement-breakpoint
-- Klaviyo takes at most 255 characters.
CREATE FUNCTION outbox_truncate_id(wanted text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN char_length(wanted) <= 255 THEN wanted ELSE left(wanted, 222) || '_' || md5(wanted) END
$$;
--> statement-breakpoint
-- Gives every order named, each of its items and each of its updates the message it lacks. Whoever
-- holds the order's row decides, so the ids of messages follow the order's history and nothing is
-- written twice, however many call it at once.
-- The first of its kind takes the plain id, by which Klaviyo ties refunds to orders; the others append their own.
-- Where that is the plain id of yet another one, as with the SKUs S, S and S_2, a digest of the order's id follows.
-- An order whose customer was erased gets none.
-- It is planned anew at each call: a plan kept from when the tables were empty would read all of them later.
CREATE FUNCTION outbox_enqueue_missing(order_ids text[], history boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  historic_before timestamptz := now() - (SELECT backfill_after FROM outbox_settings);
  filled bigint;
BEGIN
  order_ids := ARRAY(
    SELECT id FROM orders JOIN unnest(order_ids) AS named(id) USING (id)
    WHERE orders.erased_at IS NULL ORDER BY id FOR NO KEY UPDATE OF orders
  );
  INSERT INTO outbox (order_id, metric, ref, unique_id, occurred_at, backfill)
  SELECT order_id, metric, ref,
    CASE
      WHEN is_free AND row_number() OVER (PARTITION BY metric, wished ORDER BY wished <> plain_id, order_id, occurred_at, place, ref) = 1 THEN wished
      ELSE outbox_truncate_id(own_id || '_' || md5(order_id))
    END,
    occurred_at,
    history OR occurred_at < historic_before
  FROM (
    SELECT missing.*, CASE WHEN is_plain THEN plain_id ELSE own_id END AS wished, is_plain OR taken_too.id IS NULL AS is_free
    FROM (
      SELECT wanted.*, outbox_truncate_id(plain) AS plain_id, outbox_truncate_id(plain || '_' || wanted.ref) AS own_id,
        row_number() OVER (PARTITION BY wanted.metric, plain ORDER BY wanted.order_id, wanted.occurred_at, place, wanted.ref) AS nth
      FROM unnest(order_ids) AS named(id) CROSS JOIN LATERAL (
        SELECT id AS order_id, 'placed_order' AS metric, '' AS ref, id AS plain, placed_at AS occurred_at, 0 AS place
        FROM orders WHERE orders.id = named.id
        UNION ALL
        SELECT i.order_id, 'ordered_product', i.line::text, i.order_id || '_' || coalesce(nullif(i.sku, ''), i.product_id), o.placed_at, i.line
        FROM order_items i JOIN orders o ON o.id = i.order_id WHERE i.order_id = named.id
        UNION ALL
        SELECT order_id, kind || '_order', u.id, order_id, occurred_at, 2147483647
        FROM order_updates u WHERE order_id = named.id
      ) AS wanted
      WHERE NOT EXISTS (
        SELECT FROM outbox o WHERE o.order_id = wanted.order_id AND o.metric = wanted.metric AND o.ref = wanted.ref
      )
    ) AS missing
    LEFT JOIN outbox taken ON taken.unique_id = plain_id AND taken.metric = missing.metric
    LEFT JOIN outbox taken_too ON taken_too.unique_id = own_id AND taken_too.metric = missing.metric
    CROSS JOIN LATERAL (SELECT nth = 1 AND taken.id IS NULL AS is_plain) AS choice
  ) AS chosen
  ORDER BY order_id, metric <> 'placed_order', place, occurred_at, ref;
  GET DIAGNOSTICS filled = ROW_COUNT;
  RETURN filled;
END $$;
--> statement-breakpoint
CREATE FUNCTION orders_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM outbox_enqueue_missing(ARRAY(SELECT id FROM new_rows));
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION order_parts_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM outbox_enqueue_missing(ARRAY(SELECT DISTINCT order_id FROM new_rows));
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER INSERT ON orders REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_enqueue();
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER INSERT ON order_items REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION order_parts_enqueue();
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER INSERT ON order_updates REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION order_parts_enqueue();
--> statement-breakpoint
-- The newest order or visit tells a customer's most recent store. An older one that comes late
-- changes nothing; two at once are decided by the customer's row.
CREATE FUNCTION customers_update_recent_store(customer_ids text[], store_ids text[], times timestamptz[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
BEGIN
  PERFORM FROM customers JOIN unnest(customer_ids) AS named(id) USING (id) ORDER BY customers.id FOR NO KEY UPDATE OF customers;
  UPDATE customers SET most_recent_store_id = latest.store_id, most_recent_store_at = latest.at
  FROM (
    SELECT DISTINCT ON (customer_id) customer_id, store_id, at
    FROM unnest(customer_ids, store_ids, times) AS been(customer_id, store_id, at)
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
CREATE TRIGGER recent_store_insert AFTER INSERT ON orders REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_update_recent_store();
--> statement-breakpoint
CREATE TRIGGER recent_store_update AFTER UPDATE ON orders REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_update_recent_store();
--> statement-breakpoint
-- A message about a customer; its unique_id is for people to name it by, as Klaviyo has none for profiles.
CREATE FUNCTION outbox_add_profiles(customer_ids text[], refs text[], times timestamptz[]) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO outbox (customer_id, metric, ref, unique_id, occurred_at, backfill)
  SELECT customer_id, 'profile', ref,
    outbox_truncate_id(customer_id || '_' || trunc(extract(epoch FROM clock_timestamp()) * 1000000)::text || '_' || place),
    at, at < now() - (SELECT backfill_after FROM outbox_settings)
  FROM unnest(customer_ids, refs, times) WITH ORDINALITY AS told(customer_id, ref, at, place)
  ORDER BY place
$$;
--> statement-breakpoint
CREATE FUNCTION visits_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM customers_update_recent_store(array_agg(customer_id), array_agg(store_id), array_agg(at)) FROM new_rows;
  PERFORM outbox_add_profiles(array_agg(customer_id ORDER BY at, id), array_agg('visit'::text), array_agg(at ORDER BY at, id)) FROM new_rows;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER INSERT ON visits REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION visits_enqueue();
--> statement-breakpoint
-- An edit is a change of what Klaviyo is told; the most recent store travels with the visit or the order.
CREATE FUNCTION customers_enqueue_edits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM outbox_add_profiles(array_agg(id ORDER BY id), array_agg('edit'::text), array_agg(now()))
  FROM (
    SELECT id, email, phone_number, first_name, last_name, address1, address2, city, region, zip, country, metadata FROM new_rows
    EXCEPT
    SELECT id, email, phone_number, first_name, last_name, address1, address2, city, region, zip, country, metadata FROM old_rows
  ) AS edited;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER UPDATE ON customers REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION customers_enqueue_edits();
--> statement-breakpoint
-- A new customer who came with an order is told of by the order's events; told of here is one who came without.
CREATE FUNCTION customers_enqueue_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM orders WHERE customer_id = NEW.id) THEN
    PERFORM outbox_add_profiles(ARRAY[NEW.id], ARRAY['edit'], ARRAY[now()]);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER enqueue_new AFTER INSERT ON customers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION customers_enqueue_new();
--> statement-breakpoint
-- Erases a person, in the caller's transaction; false when there is no such customer. Orders stay as trade: what was
-- sold, where, when and for how much. What is written by hand or leads to the person goes, and no message is written
-- for them any more. Messages that were sent stay without their content, so that it is still known that they were;
-- the others are removed, and so are those of an id that gave way to this or another one while they were being sent.
-- At the same time there may run, each before it or after it as a whole:
--  - whoever writes the customer, an order or a visit of theirs: REST locks the customer's row first, plain SQL by its
--    foreign key. What comes after it finds no customer, and makes a new one;
--  - an update of an order, or a backfill: they lock the order's row first;
--  - a sender, which holds the messages it has claimed: what Klaviyo is being told of is waited for, then emptied;
--  - a sender that takes notes of new e-mails: the note is waited for before the messages that it sets pending.
-- All lock customers, orders, notes, messages in this order, and each of them by id, so that nobody waits in a circle.
CREATE FUNCTION customers_erase(erased text) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  their_orders text[];
  messages bigint[];
BEGIN
  PERFORM FROM customers WHERE id = erased FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  their_orders := ARRAY(SELECT id FROM orders WHERE customer_id = erased ORDER BY id FOR NO KEY UPDATE);
  UPDATE order_updates SET reason = NULL, tracking_number = NULL, digest = NULL WHERE order_id = ANY (their_orders);
  UPDATE orders SET customer_id = NULL, billing_address = NULL, shipping_address = NULL, discount_code = NULL,
    metadata = '{}', digest = NULL, erased_at = now()
  WHERE id = ANY (their_orders);
  DELETE FROM outbox_requeues WHERE customer_id = erased;
  messages := ARRAY(
    SELECT id FROM outbox WHERE id IN (
      SELECT id FROM outbox WHERE order_id = ANY (their_orders)
      UNION ALL
      SELECT id FROM outbox WHERE customer_id = erased
      UNION ALL
      SELECT id FROM outbox m WHERE customer_id IS NOT NULL AND NOT EXISTS (SELECT FROM customers WHERE id = m.customer_id)
    ) ORDER BY id FOR UPDATE
  );
  DELETE FROM outbox WHERE id = ANY (messages) AND (customer_id IS NOT NULL OR status <> 'sent');
  UPDATE outbox SET payload = NULL, error = NULL, warnings = '{}' WHERE id = ANY (messages);
  DELETE FROM customers WHERE id = erased;
  RETURN true;
END $$;
--> statement-breakpoint
-- A nudge for the sender, heard when the transaction commits.
CREATE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    NOTIFY outbox;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER notify AFTER INSERT ON outbox REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify();
--> statement-breakpoint
-- The sender takes the notes under its lock, so none is overlooked by one that has read the customer already.
CREATE FUNCTION customers_requeue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox_requeues (customer_id)
  SELECT id FROM (
    SELECT id, email, phone_number FROM new_rows
    EXCEPT
    SELECT id, email, phone_number FROM old_rows
  ) AS reachable
  WHERE email IS NOT NULL OR phone_number IS NOT NULL;
  IF FOUND THEN
    NOTIFY outbox;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER requeue AFTER UPDATE ON customers REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION customers_requeue();
--> statement-breakpoint
CREATE FUNCTION orders_requeue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox_requeues (customer_id)
  SELECT DISTINCT customer_id FROM (
    SELECT id, customer_id FROM new_rows
    EXCEPT
    SELECT id, customer_id FROM old_rows
  ) AS owned
  WHERE customer_id IS NOT NULL;
  IF FOUND THEN
    NOTIFY outbox;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER requeue AFTER UPDATE ON orders REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_requeue();
