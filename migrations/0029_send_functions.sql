-- What a sender reads, as functions: the session keeps their plans, also behind a pooler. A plan may be from when the tables
-- were empty, so each query can only be answered by index: nothing else is allowed, and `OFFSET 0` keeps subqueries by
-- themselves, which are then looked up by their key. They run with the rights of the server, who alone calls them.
CREATE FUNCTION order_update_records(of_order text) RETURNS json LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'kind', u.kind, 'id', u.id, 'occurred_at', u.occurred_at, 'reason', u.reason,
      'value', u.value, 'excess', u.excess, 'parts', p.parts,
      'tracking_number', u.tracking_number, 'tracking_company', u.tracking_company,
      'shipping_method', u.shipping_method
    ) ORDER BY u.occurred_at, u.id), '[]')
    FROM order_updates u CROSS JOIN LATERAL (
      -- The row total of a part of a line is proportional to its quantity. Postgres does all sums and shares.
      SELECT json_agg(json_build_object(
        'line', i.line, 'quantity', share.quantity, 'row_total', share.total,
        'rest_quantity', i.quantity - share.quantity, 'rest_total', i.row_total - share.total
      ) ORDER BY i.line) AS parts
      FROM order_items i
      LEFT JOIN jsonb_to_recordset(u.items) AS named(line int, quantity numeric) ON named.line = i.line
      CROSS JOIN LATERAL (
        SELECT coalesce(named.quantity, 0) AS quantity,
          round(i.row_total * coalesce(named.quantity, 0) / i.quantity, 4) AS total
      ) AS share
      WHERE i.order_id = u.order_id AND i.quantity > 0 AND u.items IS NOT NULL
    ) AS p
    WHERE u.order_id = of_order
  );
END $$;
--> statement-breakpoint
CREATE FUNCTION order_amendment_records(of_order text) RETURNS json LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'number', number, 'occurred_at', occurred_at, 'previous_total', before->'total', 'total', after->'total',
      'difference', (after->>'total')::numeric - (before->>'total')::numeric,
      'discount_value', after->'discount_value', 'items', after->'items'
    ) ORDER BY number), '[]')
    FROM order_amendments WHERE order_id = of_order
  );
END $$;
--> statement-breakpoint
-- Orders with all that belongs to them, as events are built from them. Updates and amendments are read only when asked for, by
-- functions of their own: few orders have any, and what is part of a plan takes its time even when it is not executed.
CREATE FUNCTION order_records(order_ids text[], with_updates boolean) RETURNS SETOF json LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
  RETURN QUERY SELECT row_to_json(r) FROM (
    SELECT o.id, o.placed_at, o.currency, o.total, o.discount_code, o.discount_value,
      o.billing_address, o.shipping_address, o.metadata, o.warnings,
      coalesce(o.placed_at = c.most_recent_store_at AND o.store_id = c.most_recent_store_id, false) AS newest,
      c.customer,
      CASE WHEN o.store_id IS NOT NULL THEN
        json_build_object('id', o.store_id, 'location', s.location, 'country_code', s.country_code)
      END AS store,
      (SELECT coalesce(json_agg(row_to_json(i) ORDER BY i.line), '[]') FROM order_items i WHERE i.order_id = o.id) AS items,
      (
        SELECT coalesce(json_agg(DISTINCT product_id), '[]') FROM order_items i
        WHERE order_id = o.id AND product_id IS NOT NULL AND NOT EXISTS (SELECT FROM products WHERE id = i.product_id OFFSET 0)
      ) AS unknown_products,
      (SELECT coalesce(max(number), 0) FROM order_amendments WHERE order_id = o.id) AS amendment,
      CASE WHEN with_updates AND EXISTS (SELECT FROM order_updates WHERE order_id = o.id OFFSET 0)
        THEN order_update_records(o.id) ELSE '[]' END AS updates,
      CASE WHEN with_updates AND EXISTS (SELECT FROM order_amendments WHERE order_id = o.id OFFSET 0)
        THEN order_amendment_records(o.id) ELSE '[]' END AS amendments
    FROM orders o
    LEFT JOIN LATERAL (
      SELECT most_recent_store_id, most_recent_store_at, json_build_object(
        'id', id, 'email', email, 'phone_number', phone_number, 'first_name', first_name, 'last_name', last_name,
        'address1', address1, 'address2', address2, 'city', city, 'region', region, 'zip', zip, 'country', country,
        'metadata', metadata
      ) AS customer
      FROM customers WHERE id = o.customer_id OFFSET 0
    ) AS c ON true
    LEFT JOIN LATERAL (
      SELECT coalesce(text_or_null(location), text_or_null(city), title) AS location, country_code
      FROM stores WHERE id = o.store_id OFFSET 0
    ) AS s ON true
    WHERE o.id = ANY (order_ids)
  ) AS r;
END $$;
--> statement-breakpoint
-- Customers with their most recent store.
CREATE FUNCTION customer_records(customer_ids text[]) RETURNS SETOF json LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
  RETURN QUERY SELECT row_to_json(r) FROM (
    SELECT id, email, phone_number, first_name, last_name, address1, address2, city, region, zip, country, metadata, warnings,
      (
        SELECT json_build_object('id', c.most_recent_store_id, 'location', s.location, 'country_code', s.country_code)
        FROM (SELECT) AS one LEFT JOIN LATERAL (
          SELECT coalesce(text_or_null(location), text_or_null(city), title) AS location, country_code
          FROM stores WHERE id = c.most_recent_store_id OFFSET 0
        ) AS s ON true
        WHERE c.most_recent_store_id IS NOT NULL
      ) AS store
    FROM customers c WHERE id = ANY (customer_ids)
  ) AS r;
END $$;
--> statement-breakpoint
-- outbox_claim_events and outbox_claim_profiles: make this transaction the queue's only sender, and claim what is due. Null when
-- there is another sender. The lock ends with the transaction, so a killed process releases it with its socket. What the queue
-- holds is read after the lock was taken: the sender before has then committed. Sending takes as long as Klaviyo does, hence the
-- longer timeout. Later queries of the transaction are not compiled, and go by indexes whatever the statistics say: those of an outbox
-- are always outdated. A pause that ends later than any does was stored before the clock was set back, and is none; nor is
-- one for a sender with another key.
--
-- Claimed are up to about `most` messages, live ones before history, and all that is pending of their owners up to there.
-- Two look-ups by index, one within the other, and no self-join: the usual "no earlier one pending" becomes quadratic with a plan
-- made when the table was empty. Messages are found by their owner and by nothing else: `|| ''` and `+ 0` keep Postgres from
-- reading all that is due, or all ids, which it prefers when it takes the table for empty. Cut by id, every owner keeps its first
-- messages; where live messages and history meet, nothing is cut before the live ones are put first. They stay locked: a discard
-- at the same time waits and then finds them settled.
--
-- Of `most_loaded` messages at most, the records of their owners are read too, unless a row holds what cannot be read.
DO $do$
DECLARE
  queues json := '[
    {"name": "events", "owner": "order_id", "records": "order_records(owners, with_updates)"},
    {"name": "profiles", "owner": "customer_id", "records": "customer_records(owners)"}
  ]';
  queue json;
BEGIN
  FOR queue IN SELECT json_array_elements(queues) LOOP
    EXECUTE format($create$
CREATE FUNCTION outbox_claim_%1$s(by_sender text, longest_pause_ms float8, most int, most_loaded int) RETURNS json
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  state record;
  messages json;
  number_of_messages int;
  owners text[];
  with_updates boolean;
  records json;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('storefeed.outbox.%1$s')) THEN
    RETURN NULL;
  END IF;
  PERFORM set_config('idle_in_transaction_session_timeout', '10min', true), set_config('jit', 'off', true),
    set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
  SELECT requests, alarm, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS epoch_ms,
    EXISTS (SELECT FROM outbox_amended_orders) AS amended, EXISTS (SELECT FROM outbox_requeues) AS reachable,
    CASE WHEN paused_until > now() AND paused_until < now() + longest_pause_ms * interval '1 ms' AND coalesce(alarm_sender = by_sender, true)
      THEN ceil(extract(epoch FROM paused_until - now()) * 1000)::float8 END AS paused_ms
  INTO STRICT state FROM outbox_queues WHERE queue = '%1$s';
  IF state.paused_ms IS NULL THEN
    WITH due AS MATERIALIZED (
      SELECT owner, backfill FROM (
        (
          SELECT %2$s AS owner, backfill, next_at, id FROM outbox
          WHERE status = 'pending' AND %2$s IS NOT NULL AND backfill = false AND next_at <= now()
          ORDER BY next_at, id LIMIT most
        ) UNION ALL (
          SELECT %2$s, backfill, next_at, id FROM outbox
          WHERE status = 'pending' AND %2$s IS NOT NULL AND backfill = true AND next_at <= now()
          ORDER BY next_at, id LIMIT most
        )
      ) AS first_of_both
      ORDER BY backfill, next_at, id LIMIT most
    ), claimed AS MATERIALIZED (
      SELECT %2$s AS owner, id, metric, ref, unique_id, backfill, attempts, next_at > now() AS waits
      FROM outbox WHERE status || '' = 'pending' AND %2$s = ANY (ARRAY(SELECT owner FROM due))
      ORDER BY outbox.id + 0
      LIMIT (SELECT CASE WHEN bool_and(backfill) = bool_or(backfill) THEN most END FROM due)
      FOR NO KEY UPDATE
    )
    SELECT json_agg(c ORDER BY c.id), count(*), array_agg(DISTINCT owner),
      bool_or(metric NOT IN ('placed_order', 'ordered_product'))
    INTO messages, number_of_messages, owners, with_updates FROM claimed c;
    IF number_of_messages BETWEEN 1 AND most_loaded THEN
      BEGIN
        records := (SELECT coalesce(json_agg(record), '[]') FROM %3$s AS record);
      EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        records := NULL;
      END;
    END IF;
  END IF;
  RETURN json_build_object(
    'paused_ms', state.paused_ms, 'alarm', state.alarm, 'epoch_ms', state.epoch_ms, 'requests', state.requests,
    'amended', state.amended, 'reachable', state.reachable,
    'messages', coalesce(messages, '[]'), 'records', records
  );
END $$
    $create$, queue->>'name', queue->>'owner', queue->>'records');
  END LOOP;
END $do$;
--> statement-breakpoint
-- Wakes the senders of the queues that messages were written to when the transaction commits; '' wakes those of both.
CREATE OR REPLACE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM new_rows WHERE order_id IS NOT NULL) THEN
    NOTIFY outbox, 'events';
  END IF;
  IF EXISTS (SELECT FROM new_rows WHERE customer_id IS NOT NULL) THEN
    NOTIFY outbox, 'profiles';
  END IF;
  RETURN NULL;
END $$;
