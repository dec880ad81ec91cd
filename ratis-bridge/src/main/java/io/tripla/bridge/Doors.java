// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;

/** Who a node is, and which directories of the other members it takes part in anything with. Any thread. */
interface Doors {
  /** What this node says of itself now. */
  Said self();

  /** What a member has acknowledged to this leader; null when this node does not lead. */
  Acknowledged acknowledged(String node);

  /**
   * A member says this of itself. What is new in it is remembered durably.
   *
   * @throws Greeting.Refused when its directory is outdated
   * @throws IOException when it could not be remembered
   */
  void check(String node, Said said) throws IOException;

  /** The same, of a member that was asked after this was known of it; or null. */
  void check(String node, Said said, Acknowledged before) throws IOException;

  /** An error until this node has greeted the others: one of them may say that it is outdated. */
  void checkIntroduced() throws IOException;

  /** A member says that this node's directory is outdated: the process ends. */
  void outdated(String why);
}
