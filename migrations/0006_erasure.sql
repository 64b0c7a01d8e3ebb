-- Erases a customer in the caller's transaction; false when there is no such customer. Their orders stay as sales: what
-- was sold, where, when and for how much. Free text and what identifies the customer is removed, and no message is
-- written for these orders again. Sent messages stay without their content, so that it is still known that they were
-- sent; all others are deleted, also those of an id that was merged into this or another customer while they were sent.
-- What may run at the same time, each before or after it as a whole:
--  - a writer of the customer, an order or a visit of theirs: REST locks the customer's row first, plain SQL by its
--    foreign key. A later one finds no customer and makes a new one;
--  - an update of an order, or a backfill: both lock the order's row first;
--  - a sender, which holds the messages it has claimed: this waits for it, then empties what it sent;
--  - a sender that takes requeue requests: this waits for the request before it reads messages.
-- All lock customers, orders, requests and messages in this order, and each of them by id, so there is no deadlock.
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
