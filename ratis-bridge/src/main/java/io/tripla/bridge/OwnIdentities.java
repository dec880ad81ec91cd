// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.impl.LeaderAccess;
import org.apache.ratis.server.protocol.TermIndex;

/** Of a replica in this process. Any thread. */
final class OwnIdentities implements Identities {
  /** What is remembered durably of the starts of all members' directories. */
  interface Memory {
    /**
     * Remembers what is new.
     *
     * @return why the directory is outdated, or null
     * @throws IOException when it could not be remembered
     */
    String whyOutdated(String node, Starts said) throws IOException;

    /**
     * Before another node hears of this node's last start for the first time.
     *
     * @throws IOException when that could not be remembered
     */
    void markSaid() throws IOException;

    /** This node's directory is outdated. Does not return. */
    void endAsOutdated(String why);

    /** Of this node, now. */
    Levels levels();

    /** Another member has reached a level that this node does not know. Does not return. */
    void endAsTooOld(String why);
  }

  /** Why one start of a member's directory is refused. */
  private record Refusal(long nonce, String why) {}

  private final Starts starts;
  private final long votesFrom;
  private final Supplier<RaftServer.Division> division;
  private final Supplier<TermIndex> applied;
  private final Memory memory;
  private final Map<String, Refusal> refused = new ConcurrentHashMap<>();
  private volatile boolean introduced;

  /**
   * @param division null while it is starting
   * @param applied the last entry that the state holds
   */
  OwnIdentities(
      Starts starts,
      long votesFrom,
      Supplier<RaftServer.Division> division,
      Supplier<TermIndex> applied,
      Memory memory) {
    this.starts = starts;
    this.votesFrom = votesFrom;
    this.division = division;
    this.applied = applied;
    this.memory = memory;
  }

  /** This node has greeted all others that it could reach. */
  void introduced() {
    introduced = true;
  }

  @Override
  public NodeState self() throws IOException {
    memory.markSaid();
    RaftServer.Division own = division.get();
    if (own == null) {
      return new NodeState(starts, -1, -1, votesFrom, memory.levels());
    }
    // First the end of the log: a leader that cuts it off later has a later term.
    long last = Math.max(own.getRaftLog().getNextIndex() - 1, applied.get().getIndex());
    return new NodeState(
        starts, own.getInfo().getCurrentTerm(), last, votesFrom, memory.levels());
  }

  @Override
  public void checkIntroduced() throws IOException {
    if (!introduced) {
      throw new IOException("it has just been started");
    }
  }

  @Override
  public Acknowledged acknowledged(String node) {
    RaftServer.Division own = division.get();
    return own == null ? null : LeaderAccess.acknowledged(own, node, Acknowledged::new);
  }

  @Override
  public void check(String node, NodeState state) throws IOException {
    Refusal before = refused.get(node);
    if (before != null && before.nonce() == state.starts().last()) {
      throw new Greeting.Refused(before.why(), true);
    }
    String why = memory.whyOutdated(node, state.starts());
    if (why != null) {
      throw new Greeting.Refused(why, true);
    }
    checkLevels(node, state.levels());
  }

  private void checkLevels(String node, Levels levels) throws IOException {
    Levels own = memory.levels();
    String tooOld = own.whyUnknown(levels);
    if (tooOld != null) {
      memory.endAsTooOld("this node cannot take part with " + node + ": " + tooOld);
    }
    String why = levels.whyUnknown(own);
    if (why != null) {
      throw new Greeting.Refused(node + " cannot take part: " + why);
    }
  }

  @Override
  public void check(String node, NodeState state, Acknowledged before) throws IOException {
    check(node, state);
    String why = before == null ? null : before.whyIncomplete(node, state);
    if (why != null) {
      refused.put(node, new Refusal(state.starts().last(), why));
      throw new Greeting.Refused(why, true);
    }
  }

  @Override
  public void endAsOutdated(String why) {
    memory.endAsOutdated(why);
  }
}
