-- Settings that a superuser changes while the server runs. What is null is as file, environment and options say.

CREATE TABLE system_config (
    key         TEXT   NOT NULL PRIMARY KEY,
    -- A whole number.
    value       TEXT,
    -- For people.
    description TEXT   NOT NULL,
    -- 0 is never.
    updated_at  BIGINT NOT NULL
);
INSERT INTO system_config (key, value, description, updated_at) VALUES
    ('new_user_credits', NULL, 'Whole credits for who registers', 0),
    ('task_cost_credits', NULL, 'Whole credits of a picture by a model without a price of its own', 0),
    ('max_file_size_mb', NULL, 'Megabytes of a picture that is sent', 0),
    ('max_files_per_task', NULL, 'Pictures that are taken in at once', 0),
    ('max_tasks_per_day', NULL, 'Pictures of one person a day; the lower of this and their plan counts', 0);
