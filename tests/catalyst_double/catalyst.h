// catalyst.h - a stand-in for Catalyst 2's header, for tests only.
//
// Debian 12 packages no libcatalyst, so the back end src/insitu/view_catalyst.c is compiled here against this small double: the few functions
// it calls, with the signatures of Catalyst 2.0 and of the conduit C interface that Catalyst carries, as documented by both. It draws
// nothing. It keeps the last tree given to each call, which tests read through the CatalystDouble* functions. What passes here has the
// documented layout; that a real ParaView-Catalyst accepts it is for machines that have one.
#ifndef SNA_CATALYST_DOUBLE_H
#define SNA_CATALYST_DOUBLE_H

#include <stdint.h>
#include <stdlib.h>

typedef struct conduit_node_impl conduit_node;
typedef int64_t                  conduit_index_t;

enum catalyst_status { catalyst_status_ok = 0, catalyst_status_error_no_implementation = 1 };

enum catalyst_status catalyst_initialize(const conduit_node *params);
enum catalyst_status catalyst_execute(const conduit_node *params);
enum catalyst_status catalyst_finalize(const conduit_node *params);

conduit_node *conduit_node_create(void);
void          conduit_node_destroy(conduit_node *node);
conduit_node *conduit_node_fetch(conduit_node *node, const char *path); // made if missing
conduit_node *conduit_node_append(conduit_node *node);
void          conduit_node_set_char8_str(conduit_node *node, const char *value);
void          conduit_node_set_path_char8_str(conduit_node *node, const char *path, const char *value);
void          conduit_node_set_path_int64(conduit_node *node, const char *path, int64_t value);
void          conduit_node_set_path_float64(conduit_node *node, const char *path, double value);
void conduit_node_set_path_external_float64_ptr(conduit_node *node, const char *path, double *data, conduit_index_t n);

// ---- for the tests ----
typedef enum {
  CATALYST_DOUBLE_INITIALIZE,
  CATALYST_DOUBLE_EXECUTE,
  CATALYST_DOUBLE_FINALIZE,
  CATALYST_DOUBLE_CALLS
} CatalystDoubleCall;

typedef struct {
  int                  count[CATALYST_DOUBLE_CALLS]; // calls so far
  conduit_node        *last[CATALYST_DOUBLE_CALLS];  // deep copies
  enum catalyst_status answer;                       // what the next calls return
} CatalystDouble;
CatalystDouble *CatalystDoubleGet(void);
void            CatalystDoubleReset(void);
// Leaves of the last tree; entries of a list are named by number. NULL or *found = 0 when missing or of another type.
const char   *CatalystDoubleText(CatalystDoubleCall call, const char *path);
double        CatalystDoubleNumber(CatalystDoubleCall call, const char *path, int *found);
const double *CatalystDoubleArray(CatalystDoubleCall call, const char *path, conduit_index_t *n);

#endif
