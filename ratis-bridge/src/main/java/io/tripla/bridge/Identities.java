// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;

/**
 * What this node says of itself, and which directories of the other members it exchanges anything with
 * (docs/decisions/0022-identity.md). Any thread.
 */
interface Identities {
  /**
   * What this node says of itself now.
   *
   * @throws IOException when it cannot be said yet
   */
  NodeState self() throws IOException;

  /** What a member has acknowledged to this leader; null when this node does not lead. */
  Acknowledged acknowledged(String node);

  /**
   * A member says this of itself. What is new in it is remembered durably.
   *
   * @throws Greeting.Refused when its directory is outdated
   * @throws IOException when it could not be remembered
   */
  void check(String node, NodeState state) throws IOException;

  /**
   * As above; also refuses a member whose log lacks what {@code before} says. That was read before the
   * member was asked; null: nothing is known.
   */
  void check(String node, NodeState state, Acknowledged before) throws IOException;

  /** An error until this node has greeted the others: one of them may say that it is outdated. */
  void checkIntroduced() throws IOException;

  /** A member says that this node's directory is outdated: the process ends. */
  void endAsOutdated(String why);
}
