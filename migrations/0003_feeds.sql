-- Whoever writes to the catalog, the same transaction records the hashes whose feed items changed.
-- A row that is unpublished before and after is in no feed and records nothing.
-- Publishing or unpublishing also changes the items on the other side of the row's availability. Those are looked up
-- by the refresh, not here: availability that another transaction adds at the same time is visible to neither.
CREATE FUNCTION feed_changes_products() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'products', hash FROM new_rows WHERE published;
  ELSIF TG_OP = 'DELETE' THEN
    -- The cascade to product_stores records the changes of the stores.
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'products', hash FROM old_rows WHERE published;
  ELSE
    INSERT INTO feed_changes (feed, hash)
    SELECT 'products', hash FROM old_rows WHERE published UNION SELECT 'products', hash FROM new_rows WHERE published;
    INSERT INTO feed_changes (feed, linked_to)
    SELECT 'stores', id FROM (SELECT id, published FROM new_rows EXCEPT SELECT id, published FROM old_rows) AS changed;
  END IF;
  PERFORM pg_notify('feed_changes', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION feed_changes_stores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'stores', hash FROM new_rows WHERE published;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'stores', hash FROM old_rows WHERE published;
  ELSE
    INSERT INTO feed_changes (feed, hash)
    SELECT 'stores', hash FROM old_rows WHERE published UNION SELECT 'stores', hash FROM new_rows WHERE published;
    INSERT INTO feed_changes (feed, linked_to)
    SELECT 'products', id FROM (SELECT id, published FROM new_rows EXCEPT SELECT id, published FROM old_rows) AS changed;
  END IF;
  PERFORM pg_notify('feed_changes', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
-- One function for all three operations: PL/pgSQL does not look at a statement that it does not reach, so a trigger
-- without old_rows or new_rows may call it.
CREATE FUNCTION feed_changes_availability() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'products', catalog_hash(product_id) FROM old_rows;
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'stores', catalog_hash(store_id) FROM old_rows;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'products', catalog_hash(product_id) FROM new_rows;
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'stores', catalog_hash(store_id) FROM new_rows;
  END IF;
  PERFORM pg_notify('feed_changes', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
-- The hash -1 stands for every item.
CREATE FUNCTION feed_changes_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO feed_changes (feed, hash) VALUES ('products', -1), ('stores', -1);
  PERFORM pg_notify('feed_changes', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER feed_changes_insert AFTER INSERT ON products REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_products();
--> statement-breakpoint
CREATE TRIGGER feed_changes_update AFTER UPDATE ON products REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_products();
--> statement-breakpoint
CREATE TRIGGER feed_changes_delete AFTER DELETE ON products REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_products();
--> statement-breakpoint
CREATE TRIGGER feed_changes_truncate AFTER TRUNCATE ON products FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_all();
--> statement-breakpoint
CREATE TRIGGER feed_changes_insert AFTER INSERT ON stores REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_stores();
--> statement-breakpoint
CREATE TRIGGER feed_changes_update AFTER UPDATE ON stores REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_stores();
--> statement-breakpoint
CREATE TRIGGER feed_changes_delete AFTER DELETE ON stores REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_stores();
--> statement-breakpoint
CREATE TRIGGER feed_changes_truncate AFTER TRUNCATE ON stores FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_all();
--> statement-breakpoint
CREATE TRIGGER feed_changes_insert AFTER INSERT ON product_stores REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_availability();
--> statement-breakpoint
CREATE TRIGGER feed_changes_update AFTER UPDATE ON product_stores REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_availability();
--> statement-breakpoint
CREATE TRIGGER feed_changes_delete AFTER DELETE ON product_stores REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_availability();
--> statement-breakpoint
CREATE TRIGGER feed_changes_truncate AFTER TRUNCATE ON product_stores
FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_all();
--> statement-breakpoint
-- The state of all feeds, which every poll reads. A function, because the session keeps its plan. Null before the first
-- build.
CREATE FUNCTION feed_states() RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT json_object_agg(s.feed, json_build_object(
      'version', s.version, 'slots', s.slots, 'items', s.items,
      'build', (SELECT b.build FROM feed_builds b WHERE b.feed = s.feed AND b.version = s.version),
      -- The most items of the last six hours, which a refresh may not fall far below.
      'reference_items', CASE WHEN s.reference_at > now() - interval '6 hours' THEN s.reference_items ELSE s.items END,
      'built_at', s.built_at, 'render_key', s.render_key,
      'waiting', EXISTS (SELECT FROM feed_changes c WHERE c.feed = s.feed)
    )) FROM feed_state s);
END $$;
