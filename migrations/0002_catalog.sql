-- Every update of a row, by REST or by plain SQL, sets a new version and a new time.
CREATE FUNCTION catalog_set_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := nextval('catalog_version');
  NEW.updated_at := now();
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER set_version BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION catalog_set_version();
--> statement-breakpoint
CREATE TRIGGER set_version BEFORE UPDATE ON stores FOR EACH ROW EXECUTE FUNCTION catalog_set_version();
--> statement-breakpoint
-- An id belongs to one product or one store. The primary key of catalog_ids decides between concurrent writers;
-- rows are inserted in the order of their ids, so that two writers cannot deadlock.
CREATE FUNCTION catalog_ids_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO catalog_ids (id, kind) SELECT id, TG_ARGV[0] FROM new_rows ORDER BY id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION catalog_ids_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM catalog_ids USING old_rows WHERE catalog_ids.id = old_rows.id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION catalog_ids_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT id FROM new_rows EXCEPT SELECT id FROM old_rows) THEN
    DELETE FROM catalog_ids USING (SELECT id FROM old_rows EXCEPT SELECT id FROM new_rows) AS removed
    WHERE catalog_ids.id = removed.id;
    INSERT INTO catalog_ids (id, kind)
    SELECT id, TG_ARGV[0] FROM (SELECT id FROM new_rows EXCEPT SELECT id FROM old_rows) AS added ORDER BY id;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION catalog_ids_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM catalog_ids WHERE kind = TG_ARGV[0];
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER catalog_ids_insert AFTER INSERT ON products REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION catalog_ids_insert('product');
--> statement-breakpoint
CREATE TRIGGER catalog_ids_update AFTER UPDATE ON products REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION catalog_ids_update('product');
--> statement-breakpoint
CREATE TRIGGER catalog_ids_delete AFTER DELETE ON products REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION catalog_ids_delete();
--> statement-breakpoint
CREATE TRIGGER catalog_ids_truncate AFTER TRUNCATE ON products
FOR EACH STATEMENT EXECUTE FUNCTION catalog_ids_truncate('product');
--> statement-breakpoint
CREATE TRIGGER catalog_ids_insert AFTER INSERT ON stores REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION catalog_ids_insert('store');
--> statement-breakpoint
CREATE TRIGGER catalog_ids_update AFTER UPDATE ON stores REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION catalog_ids_update('store');
--> statement-breakpoint
CREATE TRIGGER catalog_ids_delete AFTER DELETE ON stores REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION catalog_ids_delete();
--> statement-breakpoint
CREATE TRIGGER catalog_ids_truncate AFTER TRUNCATE ON stores
FOR EACH STATEMENT EXECUTE FUNCTION catalog_ids_truncate('store');
