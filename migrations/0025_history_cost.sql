-- One row of each record and change: of several writes of a record in one change, what was before the first and what the
-- last left. Called only where a change is set, so that plain SQL pays nothing. The fields are those of history_fields,
-- written out: a function would be planned for each statement and run for each row. Without nested loops: the plan is
-- kept, and may have been made for one row; then a high cost means nothing, so nothing is compiled because of it.
-- Both rows of an update have the same columns, so those of one are compared with the other's; metadata is looked into
-- only where it differs.
CREATE OR REPLACE FUNCTION history_record() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off SET jit = off AS $$
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
