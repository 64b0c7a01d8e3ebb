CREATE TABLE "feed_renderer" (
	"one_row" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"render_key" text NOT NULL,
	"version" text NOT NULL,
	"currency" text NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	CONSTRAINT "feed_renderer_one_row" CHECK ("feed_renderer"."one_row")
);
--> statement-breakpoint
ALTER TABLE "feed_state" ADD COLUMN "modified_at" timestamp (0) with time zone;--> statement-breakpoint
ALTER TABLE "feed_state" ADD COLUMN "frames" jsonb;--> statement-breakpoint
-- What the releases before had around and between the items.
UPDATE "feed_state" SET "modified_at" = date_trunc('second', "built_at"), "frames" = json_build_object(
	'json', json_build_object('contentType', 'application/json; charset=utf-8', 'head', E'[\n', 'separator', E',\n', 'tail', E'\n]\n'),
	'xml', CASE "feed" WHEN 'products' THEN
		json_build_object('contentType', 'application/xml; charset=utf-8', 'head', E'<?xml version="1.0" encoding="UTF-8"?>\n<Products>\n', 'separator', E'\n', 'tail', E'\n</Products>\n')
	ELSE
		json_build_object('contentType', 'application/xml; charset=utf-8', 'head', E'<?xml version="1.0" encoding="UTF-8"?>\n<Stores>\n', 'separator', E'\n', 'tail', E'\n</Stores>\n')
	END);--> statement-breakpoint
ALTER TABLE "feed_state" ALTER COLUMN "modified_at" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "feed_state" ALTER COLUMN "frames" SET NOT NULL;--> statement-breakpoint
-- Without a key, the row could be restored twice, or be missing.
DELETE FROM "outbox_settings" WHERE "ctid" <> (SELECT min("ctid") FROM "outbox_settings");--> statement-breakpoint
INSERT INTO "outbox_settings" SELECT WHERE NOT EXISTS (SELECT FROM "outbox_settings");--> statement-breakpoint
ALTER TABLE "outbox_settings" ADD COLUMN "one_row" boolean PRIMARY KEY DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "outbox_settings" ADD CONSTRAINT "outbox_settings_one_row" CHECK ("outbox_settings"."one_row");
