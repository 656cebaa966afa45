/* XML as cloud APIs answer it, over expat, as a plain tree:
 *
 *   <a/> and <a>text</a>          the text, "" when there is none; never a number or bool
 *   <a><b>1</b><c>2</c></a>       a map; children of one name become a list in its place
 *   <a><item>..</item></a>        `item` and `member` are always a list, also when there is one
 *   <a x="1">text</a>             "@x" has an attribute, "#text" the text beside it
 *
 * The root is a map with one member, the outermost element.  Names keep their prefix as it was
 * written.  Spaces between elements are no text.  Comments are not kept.
 * Refused: a document type (and so every entity but the five of XML), and anything over the
 * limits.  Nothing outside of the text is ever read. */
#ifndef PV_DATA_XML_H
#define PV_DATA_XML_H

#include "data/doc.h"

/* Limits of a reader; a zero means the default in brackets. */
typedef struct pv_xml_limits {
    size_t max_bytes;   /* of the text (64 MiB) */
    uint32_t max_nodes; /* of the document: elements and attributes (4 million) */
    uint32_t max_depth; /* of nesting (128) */
} pv_xml_limits;

/* Reads text into the empty document *doc, which the caller deinits in every case.
 * Statuses: PV_EINVAL (with line and column), PV_ELIMIT. */
pv_status pv_xml_read(pv_doc *doc, pv_bytes text, const pv_xml_limits *limits, pv_err *err);

#endif
