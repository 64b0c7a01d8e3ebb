CREATE SEQUENCE "public"."catalog_version" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "api_keys_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_hash_unique" UNIQUE("hash"),
	CONSTRAINT "api_keys_scopes_known" CHECK ("api_keys"."scopes" <@ array['feeds', 'read', 'write', 'admin'] and cardinality("api_keys"."scopes") > 0)
);
--> statement-breakpoint
CREATE TABLE "catalog_ids" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"kind" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "product_stores" (
	"product_id" text collate "C" NOT NULL,
	"store_id" text collate "C" NOT NULL,
	CONSTRAINT "product_stores_product_id_store_id_pk" PRIMARY KEY("product_id","store_id")
);
--> statement-breakpoint
CREATE TABLE "products" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"sku" text,
	"title" text NOT NULL,
	"description" text,
	"link" text,
	"image_link" text,
	"price" numeric(14, 4),
	"categories" text[] DEFAULT '{}' NOT NULL,
	"brand" text,
	"in_store_only" boolean DEFAULT false NOT NULL,
	"published" boolean DEFAULT true NOT NULL,
	"inventory_quantity" integer,
	"inventory_policy" smallint,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"version" bigint DEFAULT nextval('catalog_version') NOT NULL,
	"hash" smallint GENERATED ALWAYS AS (catalog_hash(id)) STORED NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "products_id_valid" CHECK (char_length("products"."id") between 1 and 255 and "products"."id" !~ '[\u0001-\u001f\u007f-\u009f\ufffe\uffff,]|^[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]|[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]$'),
	CONSTRAINT "products_title_not_blank" CHECK ("products"."title" ~ '[^[:space:]]'),
	CONSTRAINT "products_price_not_negative" CHECK ("products"."price" >= 0 and "products"."price" < 'infinity'),
	CONSTRAINT "products_inventory_quantity_not_negative" CHECK ("products"."inventory_quantity" >= 0),
	CONSTRAINT "products_inventory_policy_known" CHECK ("products"."inventory_policy" in (1, 2)),
	CONSTRAINT "products_categories_no_null" CHECK (array_position("products"."categories", null) is null),
	CONSTRAINT "products_metadata_flat" CHECK (jsonb_typeof("products"."metadata") = 'object' and not jsonb_path_exists("products"."metadata", 'strict $.keyvalue() ? (!(@.key like_regex "^[A-Za-z][A-Za-z0-9_]{0,254}$") || @.key like_regex "^(id|sku|title|description|link|image_link|price|categories|brand|inventory_quantity|inventory_policy|store_ids)$" || @.value.type() == "object" || @.value.type() == "array" || @.value.type() == "null" || (@.value.type() == "number" && (@.value > 1e300 || @.value < -1e300)))'))
);
--> statement-breakpoint
CREATE TABLE "stores" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"title" text NOT NULL,
	"location" text,
	"description" text,
	"link" text,
	"image_link" text,
	"categories" text[] DEFAULT '{}' NOT NULL,
	"address1" text,
	"address2" text,
	"city" text,
	"region" text,
	"zip" text,
	"country" text,
	"country_code" text,
	"phone" text,
	"latitude" double precision,
	"longitude" double precision,
	"published" boolean DEFAULT true NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"version" bigint DEFAULT nextval('catalog_version') NOT NULL,
	"hash" smallint GENERATED ALWAYS AS (catalog_hash(id)) STORED NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "stores_id_valid" CHECK (char_length("stores"."id") between 1 and 255 and "stores"."id" !~ '[\u0001-\u001f\u007f-\u009f\ufffe\uffff,]|^[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]|[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]$'),
	CONSTRAINT "stores_title_not_blank" CHECK ("stores"."title" ~ '[^[:space:]]'),
	CONSTRAINT "stores_country_code_valid" CHECK ("stores"."country_code" ~ '^[A-Z]{2}$'),
	CONSTRAINT "stores_latitude_valid" CHECK ("stores"."latitude" between -90 and 90),
	CONSTRAINT "stores_longitude_valid" CHECK ("stores"."longitude" between -180 and 180),
	CONSTRAINT "stores_categories_no_null" CHECK (array_position("stores"."categories", null) is null),
	CONSTRAINT "stores_metadata_flat" CHECK (jsonb_typeof("stores"."metadata") = 'object' and not jsonb_path_exists("stores"."metadata", 'strict $.keyvalue() ? (!(@.key like_regex "^[A-Za-z][A-Za-z0-9_]{0,254}$") || @.key like_regex "^(id|title|location|description|link|image_link|categories|address1|address2|city|region|zip|country|phone|latitude|longitude|product_ids)$" || @.value.type() == "object" || @.value.type() == "array" || @.value.type() == "null" || (@.value.type() == "number" && (@.value > 1e300 || @.value < -1e300)))'))
);
--> statement-breakpoint
CREATE TABLE "customers" (
	"id" text collate "C" PRIMARY KEY DEFAULT 'storefeed-' || gen_random_uuid() NOT NULL,
	"email" text,
	"phone_number" text,
	"first_name" text,
	"last_name" text,
	"address1" text,
	"address2" text,
	"city" text,
	"region" text,
	"zip" text,
	"country" text,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"most_recent_store_id" text collate "C",
	"most_recent_store_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "customers_id_valid" CHECK (char_length("customers"."id") between 1 and 255 and "customers"."id" !~ '[\u0001-\u001f\u007f-\u009f\ufffe\uffff,]|^[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]|[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]$'),
	CONSTRAINT "customers_metadata_flat" CHECK (jsonb_typeof("customers"."metadata") = 'object' and not jsonb_path_exists("customers"."metadata", 'strict $.keyvalue() ? (!(@.key like_regex "^[A-Za-z][A-Za-z0-9_]{0,254}$") || @.key like_regex "^(MostRecentStoreId|MostRecentStoreLocation)$" || @.value.type() == "object" || @.value.type() == "array" || @.value.type() == "null" || (@.value.type() == "number" && (@.value > 1e300 || @.value < -1e300)))'))
);
--> statement-breakpoint
CREATE TABLE "visits" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "visits_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"customer_id" text collate "C" NOT NULL,
	"store_id" text collate "C" NOT NULL,
	"at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "visits_once" UNIQUE("customer_id","store_id","at")
);
--> statement-breakpoint
CREATE TABLE "feed_builds" (
	"feed" text NOT NULL,
	"version" bigint NOT NULL,
	"build" uuid DEFAULT gen_random_uuid() NOT NULL,
	CONSTRAINT "feed_builds_feed_version_pk" PRIMARY KEY("feed","version")
);
--> statement-breakpoint
CREATE TABLE "feed_changes" (
	"feed" text NOT NULL,
	"hash" smallint,
	"changed_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"linked_to" text collate "C",
	CONSTRAINT "feed_changes_hash_valid" CHECK ("feed_changes"."hash" between -1 and 16383),
	CONSTRAINT "feed_changes_one_subject" CHECK (num_nonnulls("feed_changes"."hash", "feed_changes"."linked_to") = 1)
);
--> statement-breakpoint
CREATE TABLE "feed_chunks" (
	"feed" text NOT NULL,
	"format" text NOT NULL,
	"slot" smallint NOT NULL,
	"version" bigint NOT NULL,
	"body" "bytea" NOT NULL,
	"crc" bigint NOT NULL,
	"bytes" integer NOT NULL,
	"items" integer NOT NULL,
	CONSTRAINT "feed_chunks_feed_format_slot_pk" PRIMARY KEY("feed","format","slot")
);
--> statement-breakpoint
CREATE TABLE "feed_polls" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "feed_polls_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp (3) with time zone NOT NULL,
	"feed" text NOT NULL,
	"format" text NOT NULL,
	"status" smallint NOT NULL,
	"bytes" bigint NOT NULL,
	"milliseconds" integer NOT NULL,
	"user_agent" text,
	"address" text
);
--> statement-breakpoint
CREATE TABLE "feed_state" (
	"feed" text PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	"slots" smallint NOT NULL,
	"items" integer NOT NULL,
	"render_key" text NOT NULL,
	"reference_items" integer NOT NULL,
	"reference_at" timestamp (3) with time zone NOT NULL,
	"held_since" timestamp (3) with time zone,
	"held_reason" text,
	"built_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "order_items" (
	"order_id" text collate "C" NOT NULL,
	"line" integer NOT NULL,
	"product_id" text collate "C" NOT NULL,
	"sku" text,
	"product_name" text,
	"quantity" numeric(14, 4) DEFAULT 1 NOT NULL,
	"item_price" numeric(14, 4),
	"row_total" numeric(14, 4),
	"brand" text,
	"categories" text[],
	"image_link" text,
	CONSTRAINT "order_items_order_id_line_pk" PRIMARY KEY("order_id","line"),
	CONSTRAINT "order_items_product_id_valid" CHECK (char_length("order_items"."product_id") between 1 and 255 and "order_items"."product_id" !~ '[\u0001-\u001f\u007f-\u009f\ufffe\uffff,]|^[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]|[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]$'),
	CONSTRAINT "order_items_line_from_one" CHECK ("order_items"."line" >= 1),
	CONSTRAINT "order_items_quantity_positive" CHECK ("order_items"."quantity" > 0 and "order_items"."quantity" < 'infinity'),
	CONSTRAINT "order_items_money_not_negative" CHECK ("order_items"."item_price" >= 0 and "order_items"."item_price" < 'infinity' and "order_items"."row_total" >= 0 and "order_items"."row_total" < 'infinity'),
	CONSTRAINT "order_items_categories_no_null" CHECK (array_position("order_items"."categories", null) is null)
);
--> statement-breakpoint
CREATE TABLE "order_updates" (
	"order_id" text collate "C" NOT NULL,
	"kind" text NOT NULL,
	"id" text collate "C" DEFAULT gen_random_uuid()::text NOT NULL,
	"occurred_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"reason" text,
	"value" numeric(14, 4),
	"items" jsonb,
	"tracking_number" text,
	"tracking_company" text,
	"shipping_method" text,
	"digest" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "order_updates_order_id_kind_id_pk" PRIMARY KEY("order_id","kind","id"),
	CONSTRAINT "order_updates_id_valid" CHECK (char_length("order_updates"."id") between 1 and 255 and "order_updates"."id" !~ '[\u0001-\u001f\u007f-\u009f\ufffe\uffff,]|^[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]|[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]$'),
	CONSTRAINT "order_updates_kind_known" CHECK ("order_updates"."kind" in ('fulfilled', 'cancelled', 'refunded')),
	CONSTRAINT "order_updates_value_not_negative" CHECK ("order_updates"."value" >= 0 and "order_updates"."value" < 'infinity'),
	CONSTRAINT "order_updates_items_valid" CHECK (jsonb_typeof("order_updates"."items") = 'array' and not jsonb_path_exists("order_updates"."items", 'strict $[*] ? (!(@.line.type() == "number") || !(@.quantity.type() == "number") || !(@.quantity > 0))'))
);
--> statement-breakpoint
CREATE TABLE "orders" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"customer_id" text collate "C",
	"store_id" text collate "C",
	"placed_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"currency" text NOT NULL,
	"total" numeric(14, 4) NOT NULL,
	"billing_address" jsonb,
	"shipping_address" jsonb,
	"discount_code" text,
	"discount_value" numeric(14, 4),
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"digest" text,
	"erased_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "orders_id_valid" CHECK (char_length("orders"."id") between 1 and 255 and "orders"."id" !~ '[\u0001-\u001f\u007f-\u009f\ufffe\uffff,]|^[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]|[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]$'),
	CONSTRAINT "orders_currency_valid" CHECK ("orders"."currency" ~ '^[A-Z]{3}$'),
	CONSTRAINT "orders_total_not_negative" CHECK ("orders"."total" >= 0 and "orders"."total" < 'infinity'),
	CONSTRAINT "orders_discount_value_not_negative" CHECK ("orders"."discount_value" >= 0 and "orders"."discount_value" < 'infinity'),
	CONSTRAINT "orders_metadata_flat" CHECK (jsonb_typeof("orders"."metadata") = 'object' and not jsonb_path_exists("orders"."metadata", 'strict $.keyvalue() ? (!(@.key like_regex "^[A-Za-z][A-Za-z0-9_]{0,254}$") || @.key like_regex "^(OrderId|Reason|Categories|ItemNames|Brands|DiscountCode|DiscountValue|StoreId|StoreLocation|TrackingNumber|TrackingCompany|ShippingMethod|Items|FulfilledItems|CancelledItems|RefundedItems|RemainingItems|ShippingAddress|BillingAddress)$" || @.value.type() == "object" || @.value.type() == "array" || @.value.type() == "null" || (@.value.type() == "number" && (@.value > 1e300 || @.value < -1e300)))'))
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"order_id" text collate "C",
	"customer_id" text collate "C",
	"metric" text NOT NULL,
	"ref" text collate "C" DEFAULT '' NOT NULL,
	"unique_id" text collate "C" NOT NULL,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	"backfill" boolean DEFAULT false NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_at" timestamp with time zone DEFAULT now() NOT NULL,
	"error" text,
	"warnings" text[] DEFAULT '{}' NOT NULL,
	"payload" json,
	"request_id" text,
	"sent_to" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp (3) with time zone,
	CONSTRAINT "outbox_metric_known" CHECK ("outbox"."metric" in ('placed_order', 'ordered_product', 'fulfilled_order', 'cancelled_order', 'refunded_order', 'profile')),
	CONSTRAINT "outbox_status_known" CHECK ("outbox"."status" in ('pending', 'sent', 'failed', 'unsendable', 'discarded')),
	CONSTRAINT "outbox_belongs_to_one" CHECK (case when "outbox"."metric" = 'profile' then "outbox"."order_id" is null and "outbox"."customer_id" is not null else "outbox"."order_id" is not null and "outbox"."customer_id" is null end)
);
--> statement-breakpoint
CREATE TABLE "outbox_queues" (
	"queue" text PRIMARY KEY NOT NULL,
	"paused_until" timestamp with time zone,
	"alarm" text,
	"alarm_at" timestamp (3) with time zone,
	"requests" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "outbox_requeues" (
	"customer_id" text collate "C" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "outbox_settings" (
	"backfill_after" interval DEFAULT '1 day' NOT NULL
);
--> statement-breakpoint
ALTER TABLE "product_stores" ADD CONSTRAINT "product_stores_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "public"."products"("id") ON DELETE cascade ON UPDATE cascade;--> statement-breakpoint
ALTER TABLE "product_stores" ADD CONSTRAINT "product_stores_store_id_stores_id_fk" FOREIGN KEY ("store_id") REFERENCES "public"."stores"("id") ON DELETE cascade ON UPDATE cascade;--> statement-breakpoint
ALTER TABLE "visits" ADD CONSTRAINT "visits_customer_id_customers_id_fk" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE cascade ON UPDATE cascade;--> statement-breakpoint
ALTER TABLE "order_items" ADD CONSTRAINT "order_items_order_id_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "public"."orders"("id") ON DELETE cascade ON UPDATE cascade;--> statement-breakpoint
ALTER TABLE "order_updates" ADD CONSTRAINT "order_updates_order_id_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "public"."orders"("id") ON DELETE cascade ON UPDATE cascade;--> statement-breakpoint
ALTER TABLE "orders" ADD CONSTRAINT "orders_customer_id_customers_id_fk" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE set null ON UPDATE cascade;--> statement-breakpoint
CREATE INDEX "product_stores_by_store" ON "product_stores" USING btree ("store_id","product_id");--> statement-breakpoint
CREATE INDEX "products_updated_at" ON "products" USING btree ("updated_at");--> statement-breakpoint
CREATE INDEX "products_hash" ON "products" USING btree ("hash");--> statement-breakpoint
CREATE INDEX "stores_updated_at" ON "stores" USING btree ("updated_at");--> statement-breakpoint
CREATE INDEX "stores_hash" ON "stores" USING btree ("hash");--> statement-breakpoint
CREATE UNIQUE INDEX "customers_email" ON "customers" USING btree (lower("email"));--> statement-breakpoint
CREATE INDEX "customers_phone_number" ON "customers" USING btree ("phone_number");--> statement-breakpoint
CREATE INDEX "feed_changes_feed" ON "feed_changes" USING btree ("feed");--> statement-breakpoint
CREATE INDEX "feed_chunks_version" ON "feed_chunks" USING btree ("feed","format","version");--> statement-breakpoint
CREATE INDEX "feed_polls_feed_at" ON "feed_polls" USING btree ("feed","at");--> statement-breakpoint
CREATE INDEX "order_updates_occurred_at" ON "order_updates" USING btree ("occurred_at");--> statement-breakpoint
CREATE INDEX "orders_customer" ON "orders" USING btree ("customer_id");--> statement-breakpoint
CREATE INDEX "orders_placed_at" ON "orders" USING btree ("placed_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "outbox_once" ON "outbox" USING btree ("order_id","metric","ref");--> statement-breakpoint
CREATE UNIQUE INDEX "outbox_unique_id" ON "outbox" USING btree ("unique_id","metric");--> statement-breakpoint
CREATE INDEX "outbox_customer" ON "outbox" USING btree ("customer_id") WHERE "outbox"."customer_id" is not null;--> statement-breakpoint
CREATE INDEX "outbox_due_events" ON "outbox" USING btree ("backfill","next_at","id") WHERE "outbox"."status" = 'pending' and "outbox"."order_id" is not null;--> statement-breakpoint
CREATE INDEX "outbox_due_profiles" ON "outbox" USING btree ("backfill","next_at","id") WHERE "outbox"."status" = 'pending' and "outbox"."customer_id" is not null;--> statement-breakpoint
CREATE INDEX "outbox_settled_at" ON "outbox" USING brin ("settled_at");--> statement-breakpoint
CREATE INDEX "outbox_created_at" ON "outbox" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "outbox_set_aside" ON "outbox" USING btree ("status","created_at","id") WHERE "outbox"."status" in ('failed', 'unsendable', 'discarded');