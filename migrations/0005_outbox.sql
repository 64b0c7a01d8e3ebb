INSERT INTO outbox_settings DEFAULT VALUES;
--> statement-breakpoint
INSERT INTO outbox_queues (queue) VALUES ('events'), ('profiles');
--> statement-breakpoint
-- Klaviyo accepts unique ids of up to 255 characters.
CREATE FUNCTION outbox_truncate_id(wanted text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN char_length(wanted) <= 255 THEN wanted ELSE left(wanted, 222) || '_' || md5(wanted) END
$$;
--> statement-breakpoint
-- Gives each of these orders, each of its items and each of its updates the message it lacks, and returns how many.
-- The lock on the order's row serializes callers: message ids follow the order's history, and nothing is written twice.
-- The first message of its kind takes the plain id, by which Klaviyo ties refunds to orders; later ones append their own
-- (a line, the id of an update). An own id may equal the plain id of another message, as with the SKUs S, S and S_2: then
-- a digest of the order's id is appended.
-- An order whose customer was erased gets none.
-- Planned at each call: a plan from when the tables were empty would later read all of them.
CREATE FUNCTION outbox_enqueue_missing(order_ids text[], history boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  history_before timestamptz := now() - (SELECT backfill_after FROM outbox_settings);
  enqueued bigint;
BEGIN
  order_ids := ARRAY(
    SELECT id FROM orders JOIN unnest(order_ids) AS named(id) USING (id)
    WHERE orders.erased_at IS NULL ORDER BY id FOR NO KEY UPDATE OF orders
  );
  WITH wanted AS (
    SELECT message.* FROM unnest(order_ids) AS named(id) CROSS JOIN LATERAL (
      SELECT id AS order_id, 'placed_order' AS metric, '' AS ref, id AS plain, placed_at AS occurred_at, 0 AS position
      FROM orders WHERE orders.id = named.id
      UNION ALL
      SELECT i.order_id, 'ordered_product', i.line::text, i.order_id || '_' || coalesce(nullif(i.sku, ''), i.product_id), o.placed_at, i.line
      FROM order_items i JOIN orders o ON o.id = i.order_id WHERE i.order_id = named.id
      UNION ALL
      SELECT order_id, kind || '_order', u.id, order_id, occurred_at, 2147483647
      FROM order_updates u WHERE order_id = named.id
    ) AS message
  ), missing AS (
    SELECT wanted.*, outbox_truncate_id(plain) AS plain_id, outbox_truncate_id(plain || '_' || ref) AS own_id,
      row_number() OVER (PARTITION BY metric, plain ORDER BY order_id, occurred_at, position, ref) AS nth
    FROM wanted
    WHERE NOT EXISTS (
      SELECT FROM outbox o WHERE o.order_id = wanted.order_id AND o.metric = wanted.metric AND o.ref = wanted.ref
    )
  ), chosen AS (
    SELECT missing.*, takes_plain OR own_taken.id IS NULL AS is_free,
      CASE WHEN takes_plain THEN plain_id ELSE own_id END AS chosen_id
    FROM missing
    LEFT JOIN outbox plain_taken ON plain_taken.unique_id = plain_id AND plain_taken.metric = missing.metric
    LEFT JOIN outbox own_taken ON own_taken.unique_id = own_id AND own_taken.metric = missing.metric
    CROSS JOIN LATERAL (SELECT nth = 1 AND plain_taken.id IS NULL AS takes_plain) AS choice
  )
  INSERT INTO outbox (order_id, metric, ref, unique_id, occurred_at, backfill)
  SELECT order_id, metric, ref,
    CASE
      WHEN is_free AND 1 = row_number() OVER (
        PARTITION BY metric, chosen_id ORDER BY chosen_id <> plain_id, order_id, occurred_at, position, ref
      ) THEN chosen_id
      ELSE outbox_truncate_id(own_id || '_' || md5(order_id))
    END,
    occurred_at,
    history OR occurred_at < history_before
  FROM chosen
  ORDER BY order_id, metric <> 'placed_order', position, occurred_at, ref;
  GET DIAGNOSTICS enqueued = ROW_COUNT;
  RETURN enqueued;
END $$;
--> statement-breakpoint
CREATE FUNCTION orders_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM outbox_enqueue_missing(ARRAY(SELECT id FROM new_rows));
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION order_rows_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM outbox_enqueue_missing(ARRAY(SELECT DISTINCT order_id FROM new_rows));
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER INSERT ON orders REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION orders_enqueue();
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER INSERT ON order_items REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION order_rows_enqueue();
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER INSERT ON order_updates REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION order_rows_enqueue();
--> statement-breakpoint
-- Messages about customers. Klaviyo has no unique id for profiles; this one is for people to refer to.
CREATE FUNCTION outbox_enqueue_profiles(customer_ids text[], refs text[], times timestamptz[]) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO outbox (customer_id, metric, ref, unique_id, occurred_at, backfill)
  SELECT customer_id, 'profile', ref,
    outbox_truncate_id(customer_id || '_' || trunc(extract(epoch FROM clock_timestamp()) * 1000000)::text || '_' || position),
    at, at < now() - (SELECT backfill_after FROM outbox_settings)
  FROM unnest(customer_ids, refs, times) WITH ORDINALITY AS given(customer_id, ref, at, position)
  ORDER BY position
$$;
--> statement-breakpoint
CREATE FUNCTION visits_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM customers_update_recent_store(array_agg(customer_id), array_agg(store_id), array_agg(at)) FROM new_rows;
  PERFORM outbox_enqueue_profiles(array_agg(customer_id ORDER BY at, id), array_agg('visit'::text), array_agg(at ORDER BY at, id)) FROM new_rows;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER INSERT ON visits REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION visits_enqueue();
--> statement-breakpoint
-- An edit is a change of a field that Klaviyo receives. The most recent store is not one: it travels with the visit or
-- the order.
CREATE FUNCTION customers_enqueue_edits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM outbox_enqueue_profiles(array_agg(id ORDER BY id), array_agg('edit'::text), array_agg(now()))
  FROM (
    SELECT id, email, phone_number, first_name, last_name, address1, address2, city, region, zip, country, metadata FROM new_rows
    EXCEPT
    SELECT id, email, phone_number, first_name, last_name, address1, address2, city, region, zip, country, metadata FROM old_rows
  ) AS edited;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER enqueue AFTER UPDATE ON customers REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION customers_enqueue_edits();
--> statement-breakpoint
-- The events of an order introduce a customer who came with one; a customer without an order gets a message of their own.
-- Deferred to the commit, when the transaction's orders are known.
CREATE FUNCTION customers_enqueue_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM orders WHERE customer_id = NEW.id) THEN
    PERFORM outbox_enqueue_profiles(ARRAY[NEW.id], ARRAY['edit'], ARRAY[now()]);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER enqueue_new AFTER INSERT ON customers DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION customers_enqueue_new();
--> statement-breakpoint
-- Wakes the sender when the transaction commits.
CREATE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM new_rows) THEN
    NOTIFY outbox;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER notify AFTER INSERT ON outbox REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify();
--> statement-breakpoint
-- A customer got an e-mail or telephone number: messages of their orders that could not be sent may be sendable now.
-- The sender takes the request under its lock, so it is not missed by a sender that has already read the customer.
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
CREATE TRIGGER requeue AFTER UPDATE ON customers REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION customers_requeue();
--> statement-breakpoint
-- The same for an order that moved to another customer.
CREATE FUNCTION orders_requeue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox_requeues (customer_id)
  SELECT DISTINCT customer_id FROM (
    SELECT id, customer_id FROM new_rows
    EXCEPT
    SELECT id, customer_id FROM old_rows
  ) AS moved
  WHERE customer_id IS NOT NULL;
  IF FOUND THEN
    NOTIFY outbox;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER requeue AFTER UPDATE ON orders REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION orders_requeue();
