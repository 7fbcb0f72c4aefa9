// SPDX-License-Identifier: Apache-2.0
use std::task::Waker;

use super::*;

const PATIENCE: Patience = Patience {
    header: Duration::from_secs(10),
    idle: Duration::from_secs(75),
};

/// Seconds from now to the deadline.
#[track_caller]
fn left(activity: &Activity) -> Option<u64> {
    let phase = activity.poll_phase(&Context::from_waker(Waker::noop()));
    let deadline = phase.deadline(PATIENCE)?;
    Some((deadline - Instant::now()).as_secs())
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_a_first_request_runs_from_the_connection() {
    let activity = Activity::new();
    pass(3).await;
    assert_eq!(left(&activity), Some(7));
    activity.read(1);
    assert_eq!(left(&activity), Some(7));
    pass(3).await;
    activity.read(1);
    assert_eq!(left(&activity), Some(4), "bytes do not set it back");
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_a_later_request_runs_from_its_first_byte() {
    let activity = Activity::new();
    activity.read(100);
    let request = activity.request(false);
    pass(1000).await;
    assert_eq!(left(&activity), None, "a request is timed by others");
    activity.read(100);
    drop(request);
    assert_eq!(left(&activity), Some(75));
    pass(70).await;
    activity.read(1);
    assert_eq!(left(&activity), Some(10));
}

#[tokio::test(start_paused = true)]
async fn pings_between_http2_requests_begin_nothing() {
    let activity = Activity::new();
    activity.read(24);
    let requests = [activity.request(true), activity.request(true)];
    let [first, second] = requests;
    drop(first);
    assert_eq!(left(&activity), None, "one is still under way");
    drop(second);
    pass(70).await;
    activity.read(17);
    assert_eq!(left(&activity), Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_not_at_rest_while_its_answer_is_written() {
    let activity = Activity::new();
    activity.read(24);
    drop(activity.request(true));
    pass(70).await;
    activity.wrote(16_384);
    assert_eq!(left(&activity), Some(75));
    pass(70).await;
    activity.wrote(17);
    assert_eq!(left(&activity), Some(5), "a ping is no answer");
}
