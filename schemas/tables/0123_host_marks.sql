-- How often something happened on the hosts of a run that changes what it costs, without a word of its own: another run came there or left,
-- or the host was announced. The version of the run's figures has the mark that they count; where it is less, they are to be made anew.
CREATE TABLE IF NOT EXISTS host_marks
(
    run_id String,
    mark   SimpleAggregateFunction(max, UInt32)
)
ENGINE = ${Aggregating}
ORDER BY run_id
