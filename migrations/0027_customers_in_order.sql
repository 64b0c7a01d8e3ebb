ALTER TABLE "customers" ALTER COLUMN "created_at" SET DATA TYPE timestamp with time zone;
