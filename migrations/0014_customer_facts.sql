ALTER TABLE "customers" ADD COLUMN "known_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "field_times" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "warnings" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "warnings" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
CREATE INDEX "outbox_with_warnings" ON "outbox" USING btree ("created_at","id") WHERE "outbox"."warnings" <> '[]';--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_known_at_valid" CHECK ("customers"."known_at" between '1991-01-01T00:00:00Z' and '9998-01-01T00:00:00Z');