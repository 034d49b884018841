-- Whether the end of a job is told by mail.

ALTER TABLE jobs ADD COLUMN mail_at_end BOOLEAN NOT NULL DEFAULT FALSE;
