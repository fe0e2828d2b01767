// catalyst_double.c - see catalyst.h beside this file. Included by the test that uses it.
#include "catalyst.h"
#include <stdio.h>
#include <string.h>

typedef enum { TREE, TEXT, INTEGER, REAL, ARRAY } Kind;

struct conduit_node_impl {
  char           *name;
  Kind            kind;
  char           *text;
  double          number;
  double         *array; // owned
  conduit_index_t n;
  conduit_node   *child, *next;
};

static CatalystDouble the_double;

CatalystDouble *CatalystDoubleGet(void)
{
  return &the_double;
}

void CatalystDoubleReset(void)
{
  for (int c = 0; c < CATALYST_DOUBLE_CALLS; c++) conduit_node_destroy(the_double.last[c]);
  memset(&the_double, 0, sizeof(the_double));
}

conduit_node *conduit_node_create(void)
{
  return calloc(1, sizeof(conduit_node));
}

void conduit_node_destroy(conduit_node *node)
{
  while (node) {
    conduit_node *next = node->next;
    conduit_node_destroy(node->child);
    free(node->name);
    free(node->text);
    free(node->array);
    free(node);
    node = next;
  }
}

static conduit_node *Copy(const conduit_node *node)
{
  conduit_node *copy = conduit_node_create(), **end = &copy->child;

  *copy       = *node;
  copy->next  = NULL;
  copy->child = NULL;
  copy->name  = node->name ? strdup(node->name) : NULL;
  copy->text  = node->text ? strdup(node->text) : NULL;
  if (node->array) {
    copy->array = malloc((size_t)node->n * sizeof(double));
    memcpy(copy->array, node->array, (size_t)node->n * sizeof(double));
  }
  end = &copy->child;
  for (const conduit_node *child = node->child; child; child = child->next) {
    *end = Copy(child);
    end  = &(*end)->next;
  }
  return copy;
}

static conduit_node *FindChild(const conduit_node *node, const char *name, size_t length)
{
  for (conduit_node *child = node->child; child; child = child->next) {
    if (strlen(child->name) == length && !strncmp(child->name, name, length)) return child;
  }
  return NULL;
}

static conduit_node *AddChild(conduit_node *node, const char *name, size_t length)
{
  conduit_node **end = &node->child;

  while (*end) end = &(*end)->next;
  *end         = conduit_node_create();
  (*end)->name = strndup(name, length);
  return *end;
}

static conduit_node *Walk(conduit_node *node, const char *path, int make)
{
  while (node && *path) {
    const size_t  length = strcspn(path, "/");
    conduit_node *child  = FindChild(node, path, length);
    node                 = child || !make ? child : AddChild(node, path, length);
    path += length + (path[length] == '/');
  }
  return node;
}

conduit_node *conduit_node_fetch(conduit_node *node, const char *path)
{
  return Walk(node, path, 1);
}

conduit_node *conduit_node_append(conduit_node *node)
{
  char name[32];
  int  n = 0;

  for (conduit_node *child = node->child; child; child = child->next) n++;
  snprintf(name, sizeof(name), "%d", n);
  return AddChild(node, name, strlen(name));
}

void conduit_node_set_char8_str(conduit_node *node, const char *value)
{
  free(node->text);
  node->kind = TEXT;
  node->text = strdup(value);
}

void conduit_node_set_path_char8_str(conduit_node *node, const char *path, const char *value)
{
  conduit_node_set_char8_str(Walk(node, path, 1), value);
}

void conduit_node_set_path_int64(conduit_node *node, const char *path, int64_t value)
{
  conduit_node *leaf = Walk(node, path, 1);
  leaf->kind         = INTEGER;
  leaf->number       = (double)value;
}

void conduit_node_set_path_float64(conduit_node *node, const char *path, double value)
{
  conduit_node *leaf = Walk(node, path, 1);
  leaf->kind         = REAL;
  leaf->number       = value;
}

void conduit_node_set_path_external_float64_ptr(conduit_node *node, const char *path, double *data, conduit_index_t n)
{
  conduit_node *leaf = Walk(node, path, 1);
  leaf->kind         = ARRAY;
  free(leaf->array);
  leaf->array = malloc((size_t)n * sizeof(double));
  memcpy(leaf->array, data, (size_t)n * sizeof(double));
  leaf->n = n;
}

static enum catalyst_status Record(CatalystDoubleCall call, const conduit_node *params)
{
  the_double.count[call]++;
  conduit_node_destroy(the_double.last[call]);
  the_double.last[call] = Copy(params);
  return the_double.answer;
}

enum catalyst_status catalyst_initialize(const conduit_node *params)
{
  return Record(CATALYST_DOUBLE_INITIALIZE, params);
}

enum catalyst_status catalyst_execute(const conduit_node *params)
{
  return Record(CATALYST_DOUBLE_EXECUTE, params);
}

enum catalyst_status catalyst_finalize(const conduit_node *params)
{
  return Record(CATALYST_DOUBLE_FINALIZE, params);
}

const char *CatalystDoubleText(CatalystDoubleCall call, const char *path)
{
  const conduit_node *leaf = Walk(the_double.last[call], path, 0);
  return leaf && leaf->kind == TEXT ? leaf->text : NULL;
}

double CatalystDoubleNumber(CatalystDoubleCall call, const char *path, int *found)
{
  const conduit_node *leaf = Walk(the_double.last[call], path, 0);
  *found                   = leaf && (leaf->kind == INTEGER || leaf->kind == REAL);
  return *found ? leaf->number : 0;
}

const double *CatalystDoubleArray(CatalystDoubleCall call, const char *path, conduit_index_t *n)
{
  const conduit_node *leaf = Walk(the_double.last[call], path, 0);
  *n                       = leaf && leaf->kind == ARRAY ? leaf->n : 0;
  return *n ? leaf->array : NULL;
}
