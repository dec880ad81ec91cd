// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

/**
 * What a node says of itself on each connection, whoever has opened it.
 *
 * @param term the latest that it knows; -1 while it is starting
 * @param last where its log ends
 * @param votesFrom it takes part in no election before its log has reached this place; or 0
 * @param levels which it knows
 */
record NodeState(Starts starts, long term, long last, long votesFrom, Levels levels) {}
