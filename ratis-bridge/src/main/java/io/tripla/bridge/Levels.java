// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

/**
 * The level of a node's state, and which ones its version knows (R28, src/model/level.h).
 *
 * @param reached of its state; it never falls
 */
record Levels(long reached, long lowest, long highest) {
  /** Of a node from before there were levels, which says nothing of them. */
  static final Levels FIRST = new Levels(1, 1, 1);

  /** As the greeting has it. */
  String toText() {
    return reached + " " + lowest + " " + highest;
  }

  /** @throws IllegalArgumentException when it is no such text */
  static Levels parse(String text) {
    String[] words = text.split(" ", -1);
    if (words.length < 3) { // a later version may say more
      throw new IllegalArgumentException("levels \"" + text + "\"");
    }
    return new Levels(
        Long.parseLong(words[0]), Long.parseLong(words[1]), Long.parseLong(words[2]));
  }

  /**
   * Why a node that knows only these can take part in nothing with one that says {@code other}; or null.
   * Whose state has reached less may only be behind.
   */
  String whyUnknown(Levels other) {
    long level = Math.max(reached, other.reached);
    if (lowest <= level && level <= highest) {
      return null;
    }
    String known = lowest == highest ? "level " + lowest : "levels " + lowest + " to " + highest;
    return "level " + level + " is reached, but its version of the server knows " + known
        + ": use the " + (level > highest ? "newer" : "former") + " one";
  }
}
