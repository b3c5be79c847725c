/** Words that decide what a sentence does; a typing error in one of them is worth mending. */
export const cueWords: readonly string[] =
  `about actually add another anything balance bartender beginning bring cancel card change charge check clear close
  could cost does double drink drinks else empty everything favorite favourite forget give goodbye gratuity have hello
  instead just leave left like make maybe mean menu money more much never nothing order ordered other owe paid paying
  percent please pour price recommend recommendation remove replace round same scratch serve should something sour start
  strong strongest suggest suggestion surprise swap sweet switch take thank thanks that there these they this those tip
  today together total want what when where which will with without would yesterday your bitter refreshing alcohol
  bill show can the and get not how you glass shot bottle round tonight bartender afford bring pour mix
  one two three four five six seven eight nine ten twenty fifteen dozen couple`
    .split(/\s+/)
    .filter((word) => word.length > 0)
