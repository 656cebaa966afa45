/* A directed acyclic graph over the nodes 0 .. n-1: which node comes before which.
 *
 * Edges are collected first and compressed (CSR) by the first question; adding an
 * edge later is allowed and compresses again.  Parallel edges are harmless, an edge
 * from a node to itself is a cycle.  Nothing here does I/O or reads a clock; one
 * thread at a time. */
#ifndef PV_GRAPH_DAG_H
#define PV_GRAPH_DAG_H

#include <stdint.h>

#include "base/status.h"

typedef struct pv_dag pv_dag;

/* Largest graph: what a workspace can never reach, and memory still can. */
enum { PV_DAG_MAX_NODES = 1 << 26 };

/* Makes a graph without edges.  Statuses: PV_ELIMIT (more than PV_DAG_MAX_NODES). */
pv_status pv_dag_new(pv_dag **out, uint32_t nodes, pv_err *err);

/* Frees the graph; NULL is fine. */
void pv_dag_free(pv_dag *g);

/* The number of nodes. */
uint32_t pv_dag_nodes(const pv_dag *g);

/* Adds the edge "before, then after".  Statuses: PV_EINVAL (no such node), PV_ELIMIT. */
pv_status pv_dag_edge(pv_dag *g, uint32_t before, uint32_t after, pv_err *err);

/* Gives all nodes in an order that respects every edge; the same edges give the same
 * order.  *order is valid until the next edge or the end of the graph.
 * Statuses: PV_ECYCLE; pv_dag_cycle() then tells the cycle. */
pv_status pv_dag_sort(pv_dag *g, const uint32_t **order, pv_err *err);

/* The cycle that the last pv_dag_sort() met: *len nodes along the edges, the first one
 * repeated at the end; *len is 0 when there was none.  Valid as *order is. */
const uint32_t *pv_dag_cycle(const pv_dag *g, uint32_t *len);

/* Compresses the edges and gives the successors of node u: the *count first of the
 * result, in the order in which their edges were added.  Valid as *order is. */
const uint32_t *pv_dag_successors(pv_dag *g, uint32_t u, uint32_t *count);

/* For every node, the weight of the heaviest path that starts with it (its own weight
 * included) into remaining[n].  weights[n] are >= 0; NULL means 1 each.  The largest one
 * is the length of the critical path.  Statuses: PV_ECYCLE, PV_EINVAL (a weight is
 * negative or not a number). */
pv_status pv_dag_remaining(pv_dag *g, const double *weights, double *remaining, pv_err *err);

/* The nodes of the critical path, found from what pv_dag_remaining() wrote, into
 * path[n]; returns how many. */
uint32_t pv_dag_critical(pv_dag *g, const double *remaining, uint32_t *path);

#endif
