CREATE TABLE "imports" (
	"id" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"options" jsonb NOT NULL,
	"content" "bytea",
	"status" text NOT NULL,
	"run" text NOT NULL,
	"touched_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"rows" integer,
	"done" integer DEFAULT 0 NOT NULL,
	"result" json,
	"rejects" text,
	"error" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"applied_at" timestamp (3) with time zone,
	CONSTRAINT "imports_status" CHECK ("imports"."status" in ('checking', 'checked', 'refused', 'applying', 'applied', 'interrupted'))
);
--> statement-breakpoint
CREATE INDEX "imports_created" ON "imports" USING btree ("created_at");