-- People for whom credentials are kept (spec: credentials.md): an assessor signs reports, a user signs in.
CREATE TABLE person (
  kind TEXT NOT NULL CHECK (kind IN ('assessor', 'user')),
  id TEXT NOT NULL,                           -- an assessor's sign, a user's login
  name TEXT NOT NULL,
  active INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
