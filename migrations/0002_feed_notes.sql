-- Whatever writes to the catalog, its transaction leaves notes of the hashes whose items changed.
-- What is not published before and after is in no feed, so it leaves no note.
-- What is linked to a product or store that was published or withdrawn is looked up by the refresh:
-- a link that another transaction makes at the same time cannot be seen by either of the two.
CREATE FUNCTION feed_changes_products() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'products', hash FROM new_rows WHERE published;
  ELSIF TG_OP = 'DELETE' THEN
    -- The links went with the product by cascade and left the notes of the stores themselves.
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
-- One function for every operation: a trigger that lacks a table of rows never comes to the line that reads it.
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
CREATE FUNCTION feed_changes_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO feed_changes (feed, hash) VALUES ('products', -1), ('stores', -1);
  PERFORM pg_notify('feed_changes', '');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER feed_changes_insert AFTER INSERT ON products REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_products();
--> statement-breakpoint
CREATE TRIGGER feed_changes_update AFTER UPDATE ON products REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_products();
--> statement-breakpoint
CREATE TRIGGER feed_changes_delete AFTER DELETE ON products REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_products();
--> statement-breakpoint
CREATE TRIGGER feed_changes_truncate AFTER TRUNCATE ON products FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_all();
--> statement-breakpoint
CREATE TRIGGER feed_changes_insert AFTER INSERT ON stores REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_stores();
--> statement-breakpoint
CREATE TRIGGER feed_changes_update AFTER UPDATE ON stores REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_stores();
--> statement-breakpoint
CREATE TRIGGER feed_changes_delete AFTER DELETE ON stores REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_stores();
--> statement-breakpoint
CREATE TRIGGER feed_changes_truncate AFTER TRUNCATE ON stores FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_all();
--> statement-breakpoint
CREATE TRIGGER feed_changes_insert AFTER INSERT ON product_stores REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_availability();
--> statement-breakpoint
CREATE TRIGGER feed_changes_update AFTER UPDATE ON product_stores REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_availability();
--> statement-breakpoint
CREATE TRIGGER feed_changes_delete AFTER DELETE ON product_stores REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_availability();
--> statement-breakpoint
CREATE TRIGGER feed_changes_truncate AFTER TRUNCATE ON product_stores FOR EACH STATEMENT EXECUTE FUNCTION feed_changes_all();
--> statement-breakpoint
-- Every poll asks this. A function, because its plan is kept by the session: nothing is planned again.
-- One text: who holds the same text already need not read it again. Null before the first build.
CREATE FUNCTION feed_states() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT json_object_agg(s.feed, json_build_object(
      'version', s.version, 'slots', s.slots, 'items', s.items,
      -- The most items of the last six hours: what a refresh is measured against.
      'reference_items', CASE WHEN s.reference_at > now() - interval '6 hours' THEN s.reference_items ELSE s.items END,
      'built_at', s.built_at, 'render_key', s.render_key,
      'waiting', EXISTS (SELECT FROM feed_changes c WHERE c.feed = s.feed)
    )) FROM feed_state s);
END $$;
