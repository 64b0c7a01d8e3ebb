CREATE TABLE "history_changes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"via" text NOT NULL,
	"key_id" bigint,
	"actor" text,
	"file" text,
	"counts" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"kept" integer DEFAULT 0 NOT NULL,
	"complete" boolean DEFAULT true NOT NULL,
	"undoes" uuid
);
--> statement-breakpoint
CREATE TABLE "history_records" (
	"change_id" uuid NOT NULL,
	"product_id" text collate "C" NOT NULL,
	"store_id" text collate "C" NOT NULL,
	"before" jsonb,
	"after" jsonb,
	CONSTRAINT "history_records_change_id_product_id_store_id_pk" PRIMARY KEY("change_id","product_id","store_id")
);
--> statement-breakpoint
CREATE INDEX "history_changes_at" ON "history_changes" USING btree ("at","id");--> statement-breakpoint
CREATE INDEX "history_changes_undoes" ON "history_changes" USING btree ("undoes") WHERE "history_changes"."undoes" is not null;--> statement-breakpoint
CREATE INDEX "history_records_product" ON "history_records" USING btree ("product_id") WHERE "history_records"."product_id" <> '';--> statement-breakpoint
CREATE INDEX "history_records_store" ON "history_records" USING btree ("store_id") WHERE "history_records"."store_id" <> '';
--> statement-breakpoint
-- A product or a store as the history holds it: metadata key by key, so that two keys are two fields.
CREATE FUNCTION history_fields(record jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN record - '{id,metadata,version,hash,created_at,updated_at}'::text[]
  || coalesce((SELECT jsonb_object_agg('metadata.' || key, value) FROM jsonb_each(record -> 'metadata')), '{}');
--> statement-breakpoint
-- Counts the rows of a statement for the change of the transaction. Whether they are to be kept: the rows of 10,000
-- products, 10,000 stores and 50,000 availabilities are, which is what one transaction can undo.
-- A change is as new as its last statement. Of two that wrote the same record, the later one waited for the other's commit,
-- so it is the newer one in the list, whichever began first.
CREATE FUNCTION history_count(kind text, action text, changed bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  change jsonb := current_setting('storefeed.change');
  name text := kind || '_' || action;
  total bigint;
BEGIN
  PERFORM set_config('storefeed.recorded', 'yes', true);
  INSERT INTO history_changes AS c (id, at, via, key_id, actor, file, counts, kept)
  VALUES ((change ->> 'id')::uuid, clock_timestamp(), change ->> 'via', (change ->> 'key_id')::bigint, change ->> 'actor', change ->> 'file',
    jsonb_build_object(name, changed), changed)
  ON CONFLICT (id) DO UPDATE SET at = excluded.at, kept = c.kept + changed,
    counts = c.counts || jsonb_build_object(name, coalesce((c.counts ->> name)::bigint, 0) + changed)
  RETURNING (SELECT sum(value::bigint) FROM jsonb_each_text(c.counts) WHERE starts_with(key, kind)) INTO total;
  IF total <= (CASE kind WHEN 'availability' THEN 50000 ELSE 10000 END) THEN RETURN true; END IF;
  UPDATE history_changes c SET complete = false, kept = c.kept - changed WHERE c.id = (change ->> 'id')::uuid;
  RETURN false;
END $$;
--> statement-breakpoint
-- One row of each record and change: of several writes of a record in one change, what was before the first and what the
-- last left. Called only where a change is set, so that plain SQL pays nothing. The fields are those of history_fields,
-- written out: a function would be planned for each statement and run for each row. Without nested loops: the plan is
-- kept, and may have been made for one row; then a high cost means nothing, so nothing is compiled because of it.
-- Both rows of an update have the same columns, so those of one are compared with the other's; metadata is looked into
-- only where it differs.
CREATE FUNCTION history_record() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET jit = off AS $$
DECLARE
  change uuid := current_setting('storefeed.change')::jsonb ->> 'id';
  kind text := TG_ARGV[0];
  changed bigint;
BEGIN
  IF TG_OP = 'DELETE' THEN SELECT count(*) INTO changed FROM old_rows;
  ELSE SELECT count(*) INTO changed FROM new_rows; END IF;
  IF changed = 0 THEN RETURN NULL; END IF;
  IF TG_OP = 'INSERT' THEN
    IF NOT history_count(kind, 'created', changed) THEN RETURN NULL; END IF;
    INSERT INTO history_records AS r (change_id, product_id, store_id, after)
    SELECT change, CASE kind WHEN 'product' THEN id ELSE '' END, CASE kind WHEN 'store' THEN id ELSE '' END,
      jsonb_strip_nulls(to_jsonb(t) - '{id,metadata,version,hash,created_at,updated_at}'::text[]
      || coalesce((SELECT jsonb_object_agg('metadata.' || key, value) FROM jsonb_each(t.metadata)), '{}'))
    FROM new_rows t
    ON CONFLICT (change_id, product_id, store_id) DO UPDATE SET after = excluded.after;
  ELSIF TG_OP = 'DELETE' THEN
    IF NOT history_count(kind, 'removed', changed) THEN RETURN NULL; END IF;
    INSERT INTO history_records AS r (change_id, product_id, store_id, before)
    SELECT change, CASE kind WHEN 'product' THEN id ELSE '' END, CASE kind WHEN 'store' THEN id ELSE '' END,
      jsonb_strip_nulls(to_jsonb(t) - '{id,metadata,version,hash,created_at,updated_at}'::text[]
      || coalesce((SELECT jsonb_object_agg('metadata.' || key, value) FROM jsonb_each(t.metadata)), '{}'))
    FROM old_rows t
    ON CONFLICT (change_id, product_id, store_id) DO UPDATE SET after = NULL, before = excluded.before || r.before;
  ELSE
    IF NOT history_count(kind, 'updated', changed) THEN RETURN NULL; END IF;
    INSERT INTO history_records AS r (change_id, product_id, store_id, before, after)
    SELECT change, CASE kind WHEN 'product' THEN id ELSE '' END, CASE kind WHEN 'store' THEN id ELSE '' END,
      CASE WHEN after IS NULL THEN jsonb_strip_nulls(history_fields(before)) WHEN before IS NOT NULL THEN differences -> 0 END,
      CASE WHEN before IS NULL THEN jsonb_strip_nulls(history_fields(after)) WHEN after IS NOT NULL THEN differences -> 1 END
    FROM (
      SELECT id, before, after, (
        SELECT jsonb_build_array(coalesce(jsonb_object_agg(key, was), '{}'), coalesce(jsonb_object_agg(key, now), '{}'))
        FROM (
          SELECT key, value AS was, after -> key AS now FROM jsonb_each(before)
          WHERE value <> after -> key AND key <> ALL ('{metadata,version,hash,created_at,updated_at}')
          UNION ALL
          SELECT 'metadata.' || key, coalesce(before -> 'metadata' -> key, 'null'), coalesce(after -> 'metadata' -> key, 'null')
          FROM jsonb_object_keys((before -> 'metadata') || (after -> 'metadata')) AS f(key)
          WHERE before -> 'metadata' <> after -> 'metadata'
            AND coalesce(before -> 'metadata' -> key, 'null') <> coalesce(after -> 'metadata' -> key, 'null')
        ) AS changes
      ) AS differences
      FROM (
        SELECT id, to_jsonb(o) AS before, to_jsonb(n) AS after FROM old_rows o FULL JOIN new_rows n USING (id) OFFSET 0
      ) AS compared
      OFFSET 0
    ) AS compared
    ON CONFLICT (change_id, product_id, store_id) DO UPDATE SET
      before = excluded.before || r.before, after = coalesce(r.after, '{}') || excluded.after;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION history_availability() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  change uuid := current_setting('storefeed.change')::jsonb ->> 'id';
  changed bigint;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    SELECT count(*) INTO changed FROM old_rows;
    IF changed > 0 AND history_count('availability', 'removed', changed) THEN
      INSERT INTO history_records AS r (change_id, product_id, store_id, before)
      SELECT change, product_id, store_id, '{}' FROM old_rows
      ON CONFLICT (change_id, product_id, store_id) DO UPDATE SET after = NULL;
    END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    SELECT count(*) INTO changed FROM new_rows;
    IF changed > 0 AND history_count('availability', 'created', changed) THEN
      INSERT INTO history_records AS r (change_id, product_id, store_id, after)
      SELECT change, product_id, store_id, '{}' FROM new_rows
      ON CONFLICT (change_id, product_id, store_id) DO UPDATE SET after = '{}';
    END IF;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER history_insert AFTER INSERT ON products REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT WHEN (current_setting('storefeed.change', true) <> '') EXECUTE FUNCTION history_record('product');
--> statement-breakpoint
CREATE TRIGGER history_update AFTER UPDATE ON products REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT WHEN (current_setting('storefeed.change', true) <> '') EXECUTE FUNCTION history_record('product');
--> statement-breakpoint
CREATE TRIGGER history_delete AFTER DELETE ON products REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT WHEN (current_setting('storefeed.change', true) <> '') EXECUTE FUNCTION history_record('product');
--> statement-breakpoint
CREATE TRIGGER history_insert AFTER INSERT ON stores REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT WHEN (current_setting('storefeed.change', true) <> '') EXECUTE FUNCTION history_record('store');
--> statement-breakpoint
CREATE TRIGGER history_update AFTER UPDATE ON stores REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT WHEN (current_setting('storefeed.change', true) <> '') EXECUTE FUNCTION history_record('store');
--> statement-breakpoint
CREATE TRIGGER history_delete AFTER DELETE ON stores REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT WHEN (current_setting('storefeed.change', true) <> '') EXECUTE FUNCTION history_record('store');
--> statement-breakpoint
CREATE TRIGGER history_insert AFTER INSERT ON product_stores REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT WHEN (current_setting('storefeed.change', true) <> '') EXECUTE FUNCTION history_availability();
--> statement-breakpoint
CREATE TRIGGER history_update AFTER UPDATE ON product_stores REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT WHEN (current_setting('storefeed.change', true) <> '') EXECUTE FUNCTION history_availability();
--> statement-breakpoint
CREATE TRIGGER history_delete AFTER DELETE ON product_stores REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT WHEN (current_setting('storefeed.change', true) <> '') EXECUTE FUNCTION history_availability();
