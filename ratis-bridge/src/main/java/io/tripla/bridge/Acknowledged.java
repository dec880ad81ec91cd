// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;

/** What a follower has acknowledged to this leader of this term: its log up to this index. */
record Acknowledged(long term, long index) {
  /**
   * Why a follower that says this lacks what it has acknowledged, or null: then its directory went back
   * in time. What it says must be of a later moment than this. A log that the leader of a later term has
   * cut off is not judged.
   *
   * @throws IOException when the follower cannot say yet
   */
  String whyIncomplete(String node, NodeState state) throws IOException {
    if (state.term() < 0) {
      throw new IOException(node + " is just starting");
    }
    // Up to votes-from it is known to lack what its predecessor has acknowledged.
    long last = Math.max(state.last(), state.votesFrom());
    if (state.term() > term || last >= index) {
      return null;
    }
    return node + "'s directory went back in time: it has acknowledged records up to " + index
        + ", its log ends at " + last;
  }
}
