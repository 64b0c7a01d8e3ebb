ALTER TABLE "feed_renderer" ADD COLUMN "store_product_ids" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "feed_state" ADD COLUMN "bytes" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
-- The state of all feeds, which every poll reads. A function, because the session keeps its plan.
CREATE OR REPLACE FUNCTION feed_states() RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT json_object_agg(name, value) FROM (
    SELECT 'migrations' AS name, (SELECT json_agg(created_at) FROM drizzle.__drizzle_migrations) AS value
    UNION ALL SELECT 'render_key', (SELECT to_json(render_key) FROM feed_renderer)
    UNION ALL SELECT s.feed, json_build_object(
      'version', s.version, 'slots', s.slots, 'items', s.items, 'bytes', s.bytes,
      'build', (SELECT b.build FROM feed_builds b WHERE b.feed = s.feed AND b.version = s.version),
      -- The most items of the last six hours, which a refresh may not fall far below.
      'reference_items', CASE WHEN s.reference_at > now() - interval '6 hours' THEN s.reference_items ELSE s.items END,
      'built_at', s.built_at, 'render_key', s.render_key,
      -- A standby may lack what its primary has committed.
      'waiting', pg_is_in_recovery() OR EXISTS (SELECT FROM feed_changes c WHERE c.feed = s.feed)
    ) FROM feed_state s
  ) AS states);
END $$;
