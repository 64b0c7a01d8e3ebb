-- The new checks are not validated: what they forbid may be there. Of times and lines it is corrected below, so that such a
-- row can still be updated, as erasing its customer does.
ALTER TABLE "order_updates" DROP CONSTRAINT "order_updates_items_valid";--> statement-breakpoint
ALTER TABLE "outbox_queues" ADD COLUMN "pause_reason" text;--> statement-breakpoint
ALTER TABLE "outbox_queues" ADD COLUMN "alarm_sender" text;--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_most_recent_store_at_valid" CHECK ("customers"."most_recent_store_at" between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z') NOT VALID;--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_times_valid" CHECK ("customers"."created_at" between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z' and "customers"."updated_at" between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z') NOT VALID;--> statement-breakpoint
ALTER TABLE "visits" ADD CONSTRAINT "visits_at_valid" CHECK ("visits"."at" >= '1991-01-01T00:00:00Z' and "visits"."at" <= "visits"."created_at" + interval '367 days') NOT VALID;--> statement-breakpoint
ALTER TABLE "visits" ADD CONSTRAINT "visits_created_at_valid" CHECK ("visits"."created_at" between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z') NOT VALID;--> statement-breakpoint
ALTER TABLE "order_updates" ADD CONSTRAINT "order_updates_occurred_at_valid" CHECK ("order_updates"."occurred_at" >= '1991-01-01T00:00:00Z' and "order_updates"."occurred_at" <= "order_updates"."created_at" + interval '367 days') NOT VALID;--> statement-breakpoint
ALTER TABLE "order_updates" ADD CONSTRAINT "order_updates_times_valid" CHECK ("order_updates"."created_at" between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z' and "order_updates"."updated_at" between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z') NOT VALID;--> statement-breakpoint
ALTER TABLE "order_updates" ADD CONSTRAINT "order_updates_items_valid" CHECK (case when jsonb_typeof("order_updates"."items") = 'array' then jsonb_array_length("order_updates"."items") = jsonb_array_length(jsonb_path_query_array("order_updates"."items", 'strict $[*] ? (@.line.type() == "number" && @.line >= 1 && @.line <= 2147483647 && @.line.floor() == @.line && @.quantity.type() == "number" && @.quantity > 0 && @.quantity <= 9999999)')) else "order_updates"."items" is null end) NOT VALID;--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_placed_at_valid" CHECK ("orders"."placed_at" >= '1991-01-01T00:00:00Z' and "orders"."placed_at" <= "orders"."created_at" + interval '367 days') NOT VALID;--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_times_valid" CHECK ("orders"."created_at" between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z' and "orders"."updated_at" between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z') NOT VALID;
--> statement-breakpoint
CREATE FUNCTION corrected_time(at timestamptz, latest timestamptz, otherwise timestamptz) RETURNS timestamptz LANGUAGE sql AS $$
  SELECT CASE WHEN at BETWEEN '1991-01-01T00:00:00Z' AND latest THEN at ELSE otherwise END
$$;
--> statement-breakpoint
UPDATE customers SET
  created_at = corrected_time(created_at, '9998-01-01T00:00:00Z', now()),
  most_recent_store_id = CASE WHEN most_recent_store_at BETWEEN '1991-01-01T00:00:00Z' AND '9998-01-01T00:00:00Z' THEN most_recent_store_id END,
  most_recent_store_at = corrected_time(most_recent_store_at, '9998-01-01T00:00:00Z', NULL)
WHERE created_at NOT BETWEEN '1991-01-01T00:00:00Z' AND '9998-01-01T00:00:00Z'
  OR updated_at NOT BETWEEN '1991-01-01T00:00:00Z' AND '9998-01-01T00:00:00Z'
  OR most_recent_store_at NOT BETWEEN '1991-01-01T00:00:00Z' AND '9998-01-01T00:00:00Z';
--> statement-breakpoint
UPDATE orders SET
  created_at = corrected_time(created_at, '9998-01-01T00:00:00Z', now()),
  placed_at = corrected_time(placed_at, corrected_time(created_at, '9998-01-01T00:00:00Z', now()) + interval '367 days', corrected_time(created_at, '9998-01-01T00:00:00Z', now()))
WHERE created_at NOT BETWEEN '1991-01-01T00:00:00Z' AND '9998-01-01T00:00:00Z'
  OR updated_at NOT BETWEEN '1991-01-01T00:00:00Z' AND '9998-01-01T00:00:00Z'
  OR placed_at NOT BETWEEN '1991-01-01T00:00:00Z' AND created_at + interval '367 days';
--> statement-breakpoint
-- A line that is no whole number is the number of no item.
UPDATE order_updates SET
  created_at = corrected_time(created_at, '9998-01-01T00:00:00Z', now()),
  occurred_at = corrected_time(occurred_at, corrected_time(created_at, '9998-01-01T00:00:00Z', now()) + interval '367 days', corrected_time(created_at, '9998-01-01T00:00:00Z', now())),
  items = CASE WHEN jsonb_typeof(items) = 'array' THEN jsonb_path_query_array(items, 'strict $[*] ? (@.line.type() == "number" && @.line >= 1 && @.line <= 2147483647 && @.line.floor() == @.line && @.quantity.type() == "number" && @.quantity > 0 && @.quantity <= 9999999)') END
WHERE created_at NOT BETWEEN '1991-01-01T00:00:00Z' AND '9998-01-01T00:00:00Z'
  OR updated_at NOT BETWEEN '1991-01-01T00:00:00Z' AND '9998-01-01T00:00:00Z'
  OR occurred_at NOT BETWEEN '1991-01-01T00:00:00Z' AND created_at + interval '367 days'
  OR CASE WHEN jsonb_typeof(items) = 'array' THEN jsonb_array_length(items) <> jsonb_array_length(jsonb_path_query_array(items, 'strict $[*] ? (@.line.type() == "number" && @.line >= 1 && @.line <= 2147483647 && @.line.floor() == @.line && @.quantity.type() == "number" && @.quantity > 0 && @.quantity <= 9999999)')) END;
--> statement-breakpoint
-- The milliseconds keep two visits apart.
UPDATE visits SET
  created_at = corrected_time(created_at, '9998-01-01T00:00:00Z', now()),
  at = corrected_time(at, corrected_time(created_at, '9998-01-01T00:00:00Z', now()) + interval '367 days', corrected_time(created_at, '9998-01-01T00:00:00Z', now()) + id % 1000 * interval '1 ms')
WHERE created_at NOT BETWEEN '1991-01-01T00:00:00Z' AND '9998-01-01T00:00:00Z'
  OR at NOT BETWEEN '1991-01-01T00:00:00Z' AND created_at + interval '367 days';
--> statement-breakpoint
DROP FUNCTION corrected_time;
--> statement-breakpoint
-- Messages name an order, a line and an update by their keys, and Klaviyo knows the events by them: a key that a message
-- names cannot be changed. The row is locked before this runs, and whoever writes messages locks the order's row.
CREATE FUNCTION outbox_refuse_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was jsonb := to_jsonb(OLD);
BEGIN
  IF EXISTS (
    SELECT FROM outbox WHERE order_id = coalesce(was ->> 'order_id', was ->> 'id') AND CASE TG_TABLE_NAME
      WHEN 'orders' THEN true
      WHEN 'order_items' THEN metric = 'ordered_product' AND ref = was ->> 'line'
      ELSE metric = (was ->> 'kind') || '_order' AND ref = was ->> 'id'
    END
  ) THEN
    RAISE EXCEPTION 'the key of this row of % cannot be changed: events to Klaviyo name it', TG_TABLE_NAME
      USING ERRCODE = 'check_violation',
        HINT = 'Delete the order and write it again under its new keys. Events that were sent stay in Klaviyo.';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER refuse_key_change BEFORE UPDATE ON orders FOR EACH ROW
WHEN (OLD.id IS DISTINCT FROM NEW.id) EXECUTE FUNCTION outbox_refuse_key_change();
--> statement-breakpoint
CREATE TRIGGER refuse_key_change BEFORE UPDATE ON order_items FOR EACH ROW
WHEN ((OLD.order_id, OLD.line) IS DISTINCT FROM (NEW.order_id, NEW.line)) EXECUTE FUNCTION outbox_refuse_key_change();
--> statement-breakpoint
CREATE TRIGGER refuse_key_change BEFORE UPDATE ON order_updates FOR EACH ROW
WHEN ((OLD.order_id, OLD.kind, OLD.id) IS DISTINCT FROM (NEW.order_id, NEW.kind, NEW.id)) EXECUTE FUNCTION outbox_refuse_key_change();
--> statement-breakpoint
-- Messages about a customer follow a changed id. One that is being sent stays behind: a changed id is an edit, which writes
-- a message of its own, and no writer waits for Klaviyo.
CREATE FUNCTION customers_move_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE outbox SET customer_id = NEW.id
  WHERE id IN (SELECT id FROM outbox WHERE customer_id = OLD.id FOR UPDATE SKIP LOCKED);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER move_messages AFTER UPDATE ON customers FOR EACH ROW
WHEN (OLD.id IS DISTINCT FROM NEW.id) EXECUTE FUNCTION customers_move_messages();
