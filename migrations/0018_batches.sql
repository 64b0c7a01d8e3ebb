-- The text trimmed as JavaScript trims it; null when it is blank.
CREATE FUNCTION text_or_null(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(btrim(given, E' \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'), '');
--> statement-breakpoint
-- When ON CONFLICT turns the row into an update, the next trigger must know what the row said: whatever the statement
-- assigns, a null or an older time of the inserted row is gone by then. The setting holds no values, and ends with the
-- statement. What costs most is done for rows that need it only, and each text is looked at once.
CREATE OR REPLACE FUNCTION customers_before_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  is_trimmed boolean;
  fields text[];
BEGIN
  SELECT coalesce(bool_and(value IS NOT DISTINCT FROM said), true), coalesce(array_agg(field) FILTER (WHERE said IS NOT NULL), '{}')
  INTO is_trimmed, fields
  FROM (SELECT field, value, customers_said(value) AS said FROM unnest(
    ARRAY['email', 'phone_number', 'first_name', 'last_name', 'address1', 'address2', 'city', 'region', 'zip', 'country'],
    ARRAY[NEW.email, NEW.phone_number, NEW.first_name, NEW.last_name, NEW.address1, NEW.address2, NEW.city, NEW.region, NEW.zip, NEW.country]
  ) AS given(field, value) WHERE value IS NOT NULL OFFSET 0) AS texts;
  NEW.warnings := '[]';
  IF NOT is_trimmed THEN
    NEW.warnings := customers_unsaid_warnings(NEW);
    NEW := customers_trimmed(NEW, NULL);
  END IF;
  IF NEW.metadata <> '{}' AND jsonb_typeof(NEW.metadata) = 'object' THEN
    fields := fields || ARRAY(SELECT 'metadata.' || key FROM jsonb_object_keys(NEW.metadata) AS key);
  END IF;
  NEW.known_at := least(coalesce(NEW.known_at, now()), now());
  PERFORM set_config('storefeed.customer_said', jsonb_build_object(
    'id', NEW.id, 'at', NEW.known_at, 'fields', fields, 'warnings', NEW.warnings)::text, true);
  IF NEW.email IS NOT NULL AND NOT customers_usable('email', NEW.email)
    OR NEW.phone_number IS NOT NULL AND NOT customers_usable('phone_number', NEW.phone_number) THEN
    DECLARE
      said jsonb := customers_facts(NEW);
    BEGIN
      IF customers_holds_unusable(NEW) THEN
        NEW.email := NULL;
      END IF;
      NEW.warnings := NEW.warnings || customers_unusable_warnings(said, NEW);
    END;
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
-- The times of a row of which the other says some fields again, with the values that they have.
CREATE FUNCTION customers_times_said(known customers, said customers, fields jsonb, at numeric) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (
  SELECT before.times || coalesce((
    SELECT jsonb_object_agg(field, at)
    FROM jsonb_array_elements_text(fields) AS f(field)
    WHERE at > (before.times ->> field)::numeric
      AND (field LIKE 'metadata.%' AND said.metadata ? substr(field, 10) OR to_jsonb(said) -> field <> 'null')
  ), '{}')
  FROM (
    SELECT CASE WHEN known.field_times <> '{}' THEN known.field_times
      ELSE (SELECT coalesce(jsonb_object_agg(field, fact -> 1), '{}') FROM jsonb_each(customers_facts(known)) AS f(field, fact)) END AS times
  ) AS before
);
--> statement-breakpoint
-- OLD is the row as it is under its lock, so of two writers at once each sees what the other said. A customer of whom the same
-- is said again, as most customers of a file of orders are, costs little.
CREATE OR REPLACE FUNCTION customers_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  inserted jsonb := nullif(current_setting('storefeed.customer_said', true), '')::jsonb;
  known jsonb;
  said jsonb;
  warned jsonb;
  at timestamptz;
BEGIN
  -- What is known already is only known to be true at another time.
  IF inserted ->> 'id' = OLD.id AND OLD.metadata @> NEW.metadata
    AND (coalesce(NEW.email, OLD.email), coalesce(NEW.phone_number, OLD.phone_number), coalesce(NEW.first_name, OLD.first_name),
      coalesce(NEW.last_name, OLD.last_name), coalesce(NEW.address1, OLD.address1), coalesce(NEW.address2, OLD.address2),
      coalesce(NEW.city, OLD.city), coalesce(NEW.region, OLD.region), coalesce(NEW.zip, OLD.zip), coalesce(NEW.country, OLD.country))
    IS NOT DISTINCT FROM (OLD.email, OLD.phone_number, OLD.first_name, OLD.last_name, OLD.address1, OLD.address2, OLD.city,
      OLD.region, OLD.zip, OLD.country)
    AND (OLD.email IS NULL OR customers_usable('email', OLD.email))
    AND (OLD.phone_number IS NULL OR customers_usable('phone_number', OLD.phone_number))
  THEN
    at := inserted ->> 'at';
    -- All fields are of one time, and either all are said again or none is newer: that stays so.
    IF OLD.field_times <> '{}' OR at > OLD.known_at AND (NEW.email, NEW.phone_number, NEW.first_name, NEW.last_name,
        NEW.address1, NEW.address2, NEW.city, NEW.region, NEW.zip, NEW.country, NEW.metadata)
      IS DISTINCT FROM (OLD.email, OLD.phone_number, OLD.first_name, OLD.last_name,
        OLD.address1, OLD.address2, OLD.city, OLD.region, OLD.zip, OLD.country, OLD.metadata)
    THEN
      NEW.field_times := customers_times_said(OLD, NEW, inserted -> 'fields', extract(epoch FROM at));
    END IF;
    NEW.email := OLD.email;
    NEW.phone_number := OLD.phone_number;
    NEW.first_name := OLD.first_name;
    NEW.last_name := OLD.last_name;
    NEW.address1 := OLD.address1;
    NEW.address2 := OLD.address2;
    NEW.city := OLD.city;
    NEW.region := OLD.region;
    NEW.zip := OLD.zip;
    NEW.country := OLD.country;
    NEW.metadata := OLD.metadata;
    NEW.known_at := greatest(OLD.known_at, at);
    NEW.warnings := inserted -> 'warnings';
    RETURN NEW;
  END IF;
  known := customers_facts(OLD);
  IF inserted ->> 'id' = OLD.id THEN
    at := inserted ->> 'at';
    warned := inserted -> 'warnings';
  ELSE
    inserted := NULL;
    at := greatest(now(), OLD.known_at);
    warned := customers_unsaid_warnings(NEW);
  END IF;
  NEW := customers_trimmed(NEW, OLD);
  NEW.field_times := '{}';
  said := (
    SELECT coalesce(jsonb_object_agg(field, jsonb_build_array(fact -> 0, extract(epoch FROM at))), '{}')
    FROM jsonb_each(customers_facts(NEW)) AS f(field, fact)
    WHERE fact -> 0 IS DISTINCT FROM known -> field -> 0
      OR CASE WHEN inserted IS NULL THEN NEW.known_at <> OLD.known_at ELSE inserted -> 'fields' ? field END
  );
  IF inserted IS NULL THEN
    said := said || (
      SELECT coalesce(jsonb_object_agg(field, jsonb_build_array(NULL, extract(epoch FROM at))), '{}')
      FROM jsonb_each(known) AS f(field, fact)
      WHERE fact -> 0 <> 'null' AND NOT customers_facts(NEW) ? field
    );
  END IF;
  NEW := customers_with_facts(NEW, customers_newest(known, said));
  IF customers_holds_unusable(NEW) THEN
    NEW.email := OLD.email;
  END IF;
  NEW.known_at := greatest(OLD.known_at, at);
  NEW.warnings := warned || customers_unusable_warnings(said, NEW);
  RETURN NEW;
END $$;
--> statement-breakpoint
-- What an update of these lines, or of the whole order where `of_items` is null, is worth without a value of its own, and the
-- most that it may be worth; of its kind, beside all other updates than `except_id`. The caller holds the order's lock.
-- A line's share of an earlier update's value is proportional. What an order costs beside its lines (tax, shipping) may
-- be part of any update's own value. Lines that the table's CHECK will refuse do not count.
CREATE OR REPLACE FUNCTION order_update_left(of_order text, of_kind text, of_items jsonb, except_id text)
RETURNS TABLE (worth numeric, most numeric) LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  all_left numeric;
BEGIN
  SELECT greatest(greatest(o.total, 0) - coalesce((
    SELECT sum(u.value) FROM order_updates u WHERE u.order_id = of_order AND u.kind = of_kind AND u.id <> except_id
  ), 0), 0) INTO all_left FROM orders o WHERE o.id = of_order;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF of_items IS NULL THEN
    RETURN QUERY SELECT all_left, all_left;
    RETURN;
  END IF;
  RETURN QUERY
  WITH the_order AS (
    SELECT greatest(total, 0) AS total, currency_decimals(currency) AS decimals FROM orders WHERE id = of_order
  ), lines AS (
    SELECT line, quantity, row_total FROM order_items WHERE order_id = of_order AND quantity > 0
  ), earlier AS (
    SELECT id, value, items FROM order_updates
    WHERE order_id = of_order AND kind = of_kind AND id <> except_id AND value IS NOT NULL
  ), shares AS (
    SELECT id, value, line, n.quantity, row_total * n.quantity / lines.quantity AS share
    FROM earlier
    CROSS JOIN LATERAL (
      SELECT line, sum(quantity) AS quantity
      FROM jsonb_to_recordset(
        CASE WHEN jsonb_typeof(items) = 'array' THEN jsonb_path_query_array(items, 'strict $[*] ? (@.line.type() == "number" && @.quantity.type() == "number")') END
      ) AS named(line numeric, quantity numeric)
      GROUP BY line
    ) AS n
    JOIN lines USING (line)
  ), taken AS (
    SELECT line, sum(quantity) AS quantity, sum(CASE WHEN of_all > 0 THEN value * share / of_all ELSE 0 END) AS value
    FROM (SELECT *, sum(share) OVER (PARTITION BY id) AS of_all FROM shares) AS weighed GROUP BY line
  ), lines_left AS (
    SELECT line, lines.quantity AS ordered, row_total,
      lines.quantity - coalesce(taken.quantity, 0) AS quantity,
      greatest(row_total - coalesce(taken.value, 0), 0) AS value
    FROM lines LEFT JOIN taken USING (line)
  ), named AS (
    SELECT line, sum(quantity) AS quantity
    FROM jsonb_to_recordset(
        CASE WHEN jsonb_typeof(of_items) = 'array' THEN jsonb_path_query_array(of_items, 'strict $[*] ? (@.line.type() == "number" && @.quantity.type() == "number")') END
      ) AS named(line numeric, quantity numeric)
    GROUP BY line
  ), of_lines AS (
    SELECT
      sum(CASE
        WHEN named.quantity >= lines_left.quantity THEN lines_left.value
        ELSE least(round(row_total * named.quantity / ordered, decimals), lines_left.value)
      END) AS worth,
      sum(lines_left.value) AS value
    FROM named JOIN lines_left USING (line) CROSS JOIN the_order
  ), beside AS (
    SELECT CASE WHEN count(*) = count(row_total) THEN greatest(max(total) - coalesce(sum(row_total), 0), 0) END AS value
    FROM the_order LEFT JOIN lines ON true
  )
  SELECT
    CASE WHEN of_lines.worth IS NOT NULL THEN least(round(of_lines.worth, decimals), all_left) END,
    least(of_lines.value + beside.value, all_left)
  FROM the_order, of_lines, beside;
END $$;
--> statement-breakpoint
-- Gives each of these orders, of its items, returns, updates and amendments the message it lacks, and returns how many.
-- The lock on the order's row serializes callers: message ids follow the order's history, and nothing is written twice.
-- The first message of its kind takes the plain id, by which Klaviyo ties refunds to orders; later ones append their own
-- (a line, the id of an update). An own id may equal the plain id of another message, as with the SKUs S, S and S_2: then
-- a digest of the order's id is appended.
-- An order whose customer was erased gets none. An order of returned lines only was not placed: what was enqueued before its
-- lines were written, in the same transaction, is removed. An amendment gets one if the order's first event was sent without it.
-- A blank SKU is none. Planned at each call: a plan from when the tables were empty would later read all of them. Read by keys only:
-- to read the whole outbox for some hundred orders looks cheaper to the planner, until it has millions of rows.
CREATE OR REPLACE FUNCTION outbox_enqueue_missing(order_ids text[], history boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off SET enable_seqscan = off AS $$
DECLARE
  history_before timestamptz := now() - (SELECT backfill_after FROM outbox_settings);
  enqueued bigint;
BEGIN
  order_ids := ARRAY(
    SELECT id FROM orders WHERE id = ANY (order_ids) AND erased_at IS NULL ORDER BY id FOR NO KEY UPDATE
  );
  DELETE FROM outbox o WHERE order_id = ANY (order_ids) AND metric = 'placed_order' AND status = 'pending'
    AND created_at >= now()::timestamptz(3)
    AND EXISTS (SELECT FROM order_items i WHERE i.order_id = o.order_id)
    AND NOT EXISTS (SELECT FROM order_items i WHERE i.order_id = o.order_id AND quantity > 0);
  WITH wanted AS (
    SELECT message.* FROM unnest(order_ids) AS named(id) CROSS JOIN LATERAL (
      SELECT id AS order_id, 'placed_order' AS metric, '' AS ref, id AS plain, placed_at AS occurred_at, 0 AS position
      FROM orders WHERE orders.id = named.id AND (
        EXISTS (SELECT FROM order_items i WHERE i.order_id = named.id AND quantity > 0)
        OR NOT EXISTS (SELECT FROM order_items i WHERE i.order_id = named.id)
      )
      UNION ALL
      SELECT i.order_id, 'ordered_product', i.line::text,
        i.order_id || '_' || coalesce(CASE WHEN text_or_null(i.sku) IS NOT NULL THEN i.sku END, i.product_id, i.line::text), o.placed_at, i.line
      FROM order_items i JOIN orders o ON o.id = i.order_id WHERE i.order_id = named.id AND i.quantity > 0
      UNION ALL
      SELECT i.order_id, 'returned_order', coalesce(i.returned_order_id, ''), i.order_id || coalesce('_' || i.returned_order_id, ''),
        o.placed_at, 2147483646
      FROM order_items i JOIN orders o ON o.id = i.order_id WHERE i.order_id = named.id AND i.quantity < 0
      GROUP BY i.order_id, i.returned_order_id, o.placed_at
      UNION ALL
      SELECT order_id, kind || '_order', u.id, order_id, occurred_at, 2147483647
      FROM order_updates u WHERE order_id = named.id
      UNION ALL
      SELECT a.order_id, 'adjusted_order', a.number::text, a.order_id || '_' || a.number, a.occurred_at, 2147483647
      FROM order_amendments a WHERE a.order_id = named.id AND a.after IS NOT NULL AND EXISTS (
        SELECT FROM outbox first_event
        WHERE first_event.order_id = a.order_id AND metric IN ('placed_order', 'returned_order')
          AND status = 'sent' AND coalesce(amendment, 0) < a.number
      )
    ) AS message
  ), missing AS (
    SELECT wanted.*, outbox_truncate_id(plain) AS plain_id, outbox_truncate_id(plain || '_' || ref) AS own_id,
      row_number() OVER (PARTITION BY metric, plain ORDER BY order_id, occurred_at, position, ref) AS nth
    FROM wanted
    WHERE NOT EXISTS (
      SELECT FROM outbox o WHERE o.order_id = wanted.order_id AND o.metric = wanted.metric AND o.ref = wanted.ref OFFSET 0
    )
  ), chosen AS (
    SELECT missing.*, takes_plain OR NOT EXISTS (
        SELECT FROM outbox o WHERE o.unique_id = own_id AND o.metric = missing.metric OFFSET 0
      ) AS is_free,
      CASE WHEN takes_plain THEN plain_id ELSE own_id END AS chosen_id
    FROM missing
    CROSS JOIN LATERAL (
      SELECT nth = 1 AND NOT EXISTS (
        SELECT FROM outbox o WHERE o.unique_id = plain_id AND o.metric = missing.metric OFFSET 0
      ) AS takes_plain OFFSET 0
    ) AS choice
  )
  INSERT INTO outbox (order_id, metric, ref, unique_id, occurred_at, backfill, warnings)
  SELECT order_id, metric, ref,
    CASE
      WHEN is_free AND 1 = row_number() OVER (
        PARTITION BY metric, chosen_id ORDER BY chosen_id <> plain_id, order_id, occurred_at, position, ref
      ) THEN chosen_id
      ELSE outbox_truncate_id(own_id || '_' || md5(order_id))
    END,
    occurred_at,
    history OR occurred_at < history_before,
    CASE WHEN metric IN ('placed_order', 'returned_order') THEN (SELECT o.warnings FROM orders o WHERE o.id = order_id) ELSE '[]' END
  FROM chosen
  ORDER BY order_id, metric <> 'placed_order', position, occurred_at, ref;
  GET DIAGNOSTICS enqueued = ROW_COUNT;
  RETURN enqueued;
END $$;
--> statement-breakpoint
-- Before the first change that a transaction makes to an order that an earlier one recorded: keeps what it was. A row
-- without `after` is always of the own transaction, as it is completed when that ends.
CREATE OR REPLACE FUNCTION orders_begin_amendment(changed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- By the order first: a plan from when the table was empty would later read by time.
  IF NOT EXISTS (
    SELECT FROM (SELECT created_at FROM outbox WHERE order_id = changed OFFSET 0) AS messages WHERE created_at < now()::timestamptz(3)
  ) THEN
    RETURN;
  END IF;
  PERFORM FROM orders WHERE id = changed AND erased_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND OR EXISTS (SELECT FROM order_amendments WHERE order_id = changed AND after IS NULL) THEN
    RETURN;
  END IF;
  INSERT INTO order_amendments (order_id, number, before)
  SELECT changed, coalesce(max(number), 0) + 1, order_content(changed) FROM order_amendments WHERE order_id = changed;
END $$;
--> statement-breakpoint
-- Messages about customers. Klaviyo has no unique id for profiles; this one is for people to refer to.
CREATE OR REPLACE FUNCTION outbox_enqueue_profiles(customer_ids text[], refs text[], times timestamptz[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox (customer_id, metric, ref, unique_id, occurred_at, backfill, warnings)
  SELECT customer_id, 'profile', ref,
    outbox_truncate_id(customer_id || '_' || trunc(extract(epoch FROM clock_timestamp()) * 1000000)::text || '_' || position),
    at, at < now() - (SELECT backfill_after FROM outbox_settings),
    coalesce((SELECT warnings FROM customers WHERE id = customer_id), '[]')
  FROM unnest(customer_ids, refs, times) WITH ORDINALITY AS given(customer_id, ref, at, position)
  ORDER BY position;
END $$;
--> statement-breakpoint
-- Whoever writes messages gives them their warnings.
DROP TRIGGER take_warnings ON outbox;
--> statement-breakpoint
DROP FUNCTION outbox_take_warnings;
--> statement-breakpoint
-- A customer's most recent store is that of the newest order or visit. An older one that arrives late changes nothing;
-- the lock on the customer's row decides between two at once.
CREATE OR REPLACE FUNCTION customers_update_recent_store(customer_ids text[], store_ids text[], times timestamptz[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM customers WHERE id = ANY (customer_ids) ORDER BY id FOR NO KEY UPDATE;
  UPDATE customers SET most_recent_store_id = latest.store_id, most_recent_store_at = latest.at
  FROM (
    SELECT DISTINCT ON (customer_id) customer_id, store_id, at
    FROM unnest(customer_ids, store_ids, times) AS presence(customer_id, store_id, at)
    WHERE customer_id IS NOT NULL AND store_id IS NOT NULL
    ORDER BY customer_id, at DESC
  ) AS latest
  WHERE customers.id = latest.customer_id AND customers.id = ANY (customer_ids)
    AND (customers.most_recent_store_at IS NULL OR customers.most_recent_store_at < latest.at);
END $$;
--> statement-breakpoint
-- The events of an order introduce a customer who came with one; a customer without an order gets a message of their own.
-- Deferred to the commit, when the transaction's orders are known, and whether the customer was merged into another one.
CREATE OR REPLACE FUNCTION customers_enqueue_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM customers WHERE id = NEW.id) AND NOT EXISTS (SELECT FROM orders WHERE customer_id = NEW.id) THEN
    PERFORM outbox_enqueue_profiles(ARRAY[NEW.id], ARRAY['edit'], ARRAY[now()]);
  END IF;
  RETURN NULL;
END $$;
