-- Statements about hosts by which the runs on them were not marked yet. The same word once more is nothing new.
SELECT hostname, owner, from_ms, said
FROM (SELECT hostname, owner, from_ms, said, priced FROM hosts FINAL)
WHERE (said.2, said.3, said.4, said.5, said.6, said.7) != (priced.2, priced.3, priced.4, priced.5, priced.6, priced.7)
    OR priced.1 = 0
