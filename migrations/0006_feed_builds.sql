CREATE TABLE "feed_builds" (
	"feed" text NOT NULL,
	"version" bigint NOT NULL,
	"build" uuid DEFAULT gen_random_uuid() NOT NULL,
	CONSTRAINT "feed_builds_feed_version_pk" PRIMARY KEY("feed","version")
);
--> statement-breakpoint
INSERT INTO feed_builds (feed, version) SELECT feed, version FROM feed_state;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION feed_states() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT json_object_agg(s.feed, json_build_object(
      'version', s.version, 'slots', s.slots, 'items', s.items,
      'build', (SELECT b.build FROM feed_builds b WHERE b.feed = s.feed AND b.version = s.version),
      -- The most items of the last six hours: what a refresh is measured against.
      'reference_items', CASE WHEN s.reference_at > now() - interval '6 hours' THEN s.reference_items ELSE s.items END,
      'built_at', s.built_at, 'render_key', s.render_key,
      'waiting', EXISTS (SELECT FROM feed_changes c WHERE c.feed = s.feed)
    )) FROM feed_state s);
END $$;
