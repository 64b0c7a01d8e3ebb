-- The longest part of a text that every encoding of a file and JSON write alike, in lower case.
CREATE FUNCTION imports_searched(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
  SELECT part FROM regexp_split_to_table(lower(given), '[^ -~]+|["\\]+') AS part ORDER BY length(part) DESC LIMIT 1
);
--> statement-breakpoint
-- Removes the kept imports of people that hold a customer's id as a word, their e-mail, or the last eight digits of their
-- telephone, however they are written: rather one too many, as it can be imported again. Bytes are searched, because a
-- file may have any encoding; without zeros UTF-16 reads as ASCII. One that is being applied would write the customer anew.
CREATE FUNCTION imports_erase(erased customers) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  id_part text := imports_searched(erased.id);
  id_word text := '(^|[^a-z0-9])' || regexp_replace(id_part, '([^a-z0-9])', '\\\1', 'g') || '($|[^a-z0-9])';
  email text := imports_searched(btrim(erased.email));
  digits text := right(regexp_replace(erased.phone_number, '[^0-9]', '', 'g'), 8);
  phone text := nullif(regexp_replace(digits, '([0-9])(?=[0-9])', '\1[^0-9]{0,3}', 'g'), '');
  held record;
BEGIN
  FOR held IN
    SELECT id, status = 'applying' AND touched_at >= now() - interval '1 minute' AS is_applying
    FROM imports CROSS JOIN LATERAL (
      SELECT lower((replace(encode(coalesce(content, ''), 'escape'), '\000', '') || E'\n' || coalesce(rejects, '') || E'\n'
        || coalesce(result::text, '') || E'\n' || coalesce(error, '') || E'\n' || options::text) COLLATE "C") AS everything OFFSET 0
    ) AS t
    WHERE kind IN ('customers', 'orders', 'order-updates', 'visits')
      AND (strpos(everything, email) > 0 OR strpos(everything, id_part) > 0 AND everything ~ id_word OR everything ~ phone)
    ORDER BY id
  LOOP
    IF held.is_applying THEN
      RAISE EXCEPTION 'an import that names the customer is being applied: wait until it is done, then erase'
        USING ERRCODE = 'SF001';
    END IF;
    DELETE FROM imports WHERE id = held.id;
  END LOOP;
END $$;
--> statement-breakpoint
-- Erases a customer in the caller's transaction; false when there is no such customer. Their orders stay as sales: what
-- was sold, where, when and for how much. Free text and what identifies the customer is removed, and no message is
-- written for these orders again. Sent messages stay without their content, so that it is still known that they were
-- sent; all others are deleted, also those of an id that was merged into this or another customer while they were sent.
-- Kept imports that name the customer are removed. What may run at the same time, each before or after it as a whole:
--  - a writer of the customer, an order or a visit of theirs: REST locks the customer's row first, plain SQL by its
--    foreign key. A later one finds no customer and makes a new one;
--  - an update of an order, or a backfill: both lock the order's row first;
--  - a sender, which holds the messages it has claimed: this waits for it, then empties what it sent;
--  - a sender that takes requeue requests: this waits for the request before it reads messages;
--  - an import that is checked: what it found is not kept any more. One that is applied is in the way.
-- All lock customers, orders, requests, messages and imports in this order, and each of them by id, so there is no deadlock.
CREATE OR REPLACE FUNCTION customers_erase(erased text) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET jit = off AS $$
DECLARE
  known customers;
  their_orders text[];
  messages bigint[];
BEGIN
  SELECT * INTO known FROM customers WHERE id = erased FOR UPDATE;
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
  UPDATE outbox SET payload = NULL, error = NULL, warnings = '[]' WHERE id = ANY (messages);
  PERFORM imports_erase(known);
  DELETE FROM customers WHERE id = erased;
  RETURN true;
END $$;
