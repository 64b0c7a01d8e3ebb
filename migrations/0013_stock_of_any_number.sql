ALTER TABLE "products" DROP CONSTRAINT "products_inventory_quantity_not_negative";--> statement-breakpoint
ALTER TABLE "products" ALTER COLUMN "inventory_quantity" SET DATA TYPE numeric;--> statement-breakpoint
ALTER TABLE "products" ADD CONSTRAINT "products_inventory_quantity_finite" CHECK ("products"."inventory_quantity" > '-infinity' and "products"."inventory_quantity" < 'infinity');