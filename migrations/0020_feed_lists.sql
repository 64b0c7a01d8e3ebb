CREATE TABLE "feed_lists" (
	"feed" text NOT NULL,
	"format" text NOT NULL,
	"slot" smallint NOT NULL,
	"item" text collate "C" NOT NULL,
	"first" text collate "C" NOT NULL,
	"version" bigint NOT NULL,
	"body" "bytea" NOT NULL,
	"crc" bigint NOT NULL,
	"bytes" integer NOT NULL,
	CONSTRAINT "feed_lists_feed_format_slot_item_first_pk" PRIMARY KEY("feed","format","slot","item","first")
);
--> statement-breakpoint
ALTER TABLE "feed_changes" DROP CONSTRAINT "feed_changes_one_subject";--> statement-breakpoint
ALTER TABLE "feed_changes" ADD COLUMN "item" text collate "C";--> statement-breakpoint
ALTER TABLE "feed_chunks" ADD COLUMN "lists" json;--> statement-breakpoint
CREATE INDEX "feed_lists_version" ON "feed_lists" USING btree ("feed","format","version");--> statement-breakpoint
ALTER TABLE "feed_changes" ADD CONSTRAINT "feed_changes_one_subject" CHECK (num_nonnulls("feed_changes"."hash", "feed_changes"."linked_to") = 1 and num_nonnulls("feed_changes"."item", "feed_changes"."hash") < 2);--> statement-breakpoint
-- Deflated already.
ALTER TABLE "feed_lists" ALTER COLUMN "body" SET STORAGE EXTERNAL;--> statement-breakpoint
-- A store may list most of the catalog, so of a few links each is recorded by itself: then only a piece of its list is
-- rendered again.
CREATE OR REPLACE FUNCTION feed_changes_availability() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'products', catalog_hash(product_id) FROM old_rows;
    IF (SELECT count(*) FROM old_rows) <= 1000 THEN
      INSERT INTO feed_changes (feed, item, linked_to) SELECT 'stores', store_id, product_id FROM old_rows;
    ELSE
      INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'stores', catalog_hash(store_id) FROM old_rows;
    END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'products', catalog_hash(product_id) FROM new_rows;
    IF (SELECT count(*) FROM new_rows) <= 1000 THEN
      INSERT INTO feed_changes (feed, item, linked_to) SELECT 'stores', store_id, product_id FROM new_rows;
    ELSE
      INSERT INTO feed_changes (feed, hash) SELECT DISTINCT 'stores', catalog_hash(store_id) FROM new_rows;
    END IF;
  END IF;
  PERFORM pg_notify('feed_changes', '');
  RETURN NULL;
END $$;
